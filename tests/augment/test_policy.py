"""A policy is a plain value: it goes through JSON unharmed, and what it draws depends on the dice alone."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.augment.operation import Move, Operation
from tilth.augment.policy import load_policy, policy_of
from tilth.errors import SettingError

NAMES = ("shear_x", "rotate", "invert")
CATALOGUE = {
    name: Operation(name, "affine", "", lambda *given: given[0], signed=name != "invert", graded=name != "invert")
    for name in NAMES
}


def policy(seed=0, *, shape=(4, 2)):
    rng = np.random.default_rng(seed)
    chance = rng.dirichlet(np.ones(len(NAMES)), shape)
    p, magnitude = rng.random((2, *shape, len(NAMES)))
    return policy_of(NAMES, chance, p, magnitude, softmax=0.05, bernoulli=0.1, seed=seed, data="00ff")


def certain(at, *, p=1.0, magnitude=0.5):
    """A policy of one stage that always draws this operation."""
    chance = np.eye(len(NAMES))[at][None, None]
    return policy_of(
        NAMES, chance, np.full_like(chance, p), np.full_like(chance, magnitude), softmax=1, bernoulli=1, seed=0, data=""
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 3))
def test_the_json_gives_the_same_policy_back(tmp_path_factory, seed, subpolicies, stages):
    file = tmp_path_factory.mktemp("policy") / "policy.json"
    before = policy(seed, shape=(subpolicies, stages))
    file.write_text(before.json())
    after = load_policy(file, NAMES)
    assert after == before
    assert after.key == before.key
    assert after.json() == before.json()


def test_the_json_can_be_read_by_a_person():
    told = json.loads(policy().json())
    assert (told["version"], told["L"], told["K"], told["seed"], told["data"]) == (1, 4, 2, 0, "00ff")
    assert told["operations"] == list(NAMES)
    assert told["temperatures"] == {"softmax": 0.05, "bernoulli": 0.1}
    assert set(told["subpolicies"][0][0]["rotate"]) == {"chance", "p", "magnitude"}


def test_the_same_dice_draw_the_same_moves_and_others_draw_others():
    one, other = policy(), policy()
    drawn = [[p.moves(np.random.default_rng(seed), CATALOGUE) for seed in range(50)] for p in (one, other)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 20


def test_moves_are_drawn_as_often_as_the_table_says():
    shares = policy().shares()
    rng = np.random.default_rng(0)
    drawn = [move for _ in range(4000) for move in policy().moves(rng, CATALOGUE)]
    for name in NAMES:
        own = [abs(move.magnitude) for move in drawn if move.operation == name]
        assert len(own) / 4000 == pytest.approx(shares[name][0], abs=0.03)
        assert name == "invert" or np.mean(own) == pytest.approx(shares[name][1], abs=0.03)


def test_only_operations_with_two_sides_get_a_sign():
    rng = np.random.default_rng(0)
    sides = {move.magnitude for _ in range(100) for move in certain(1).moves(rng, CATALOGUE)}
    assert sides == {-0.5, 0.5}
    assert {certain(2).moves(rng, CATALOGUE) for _ in range(20)} == {(Move("invert", 1.0),)}


def test_what_has_no_chance_or_no_probability_is_never_done():
    rng = np.random.default_rng(0)
    assert all(certain(0, p=0.0).moves(rng, CATALOGUE) == () for _ in range(50))
    assert all(certain(0).moves(rng, CATALOGUE)[0].operation == "shear_x" for _ in range(200))


def test_a_forbidden_operation_gives_its_chance_to_the_others():
    less = policy().without(("rotate",))
    assert less.shares()["rotate"] == (0, 0)
    assert all(sum(stage.chance) == pytest.approx(1, abs=1e-5) for stages in less.subpolicies for stage in stages)
    with pytest.raises(SettingError, match="no chance for any operation"):
        certain(1).without(("rotate",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.pop("subpolicies"), "lacks 'subpolicies'"),
        (lambda told: told.update(version=9), "version is 9"),
        (lambda told: told.update(operations=["shear_x", "rotat", "invert"]), "did you mean 'rotate'"),
        (lambda told: told.update(subpolicies=[]), "a sub-policy and a stage at least"),
        (lambda told: told["subpolicies"][0][0]["rotate"].update(p=1.5), "within 0 and 1"),
        (lambda told: told["subpolicies"][0][0]["rotate"].update(p="much"), "could not convert"),
        (lambda told: told["subpolicies"][0].__setitem__(0, {}), "no operation of a stage"),
        (lambda told: told["subpolicies"][0].__setitem__(0, {"blur": {}}), "'blur', which is not among"),
        (lambda told: told["subpolicies"].__setitem__(0, 3), "not one that can be followed"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_with_the_reason(tmp_path, change, said):
    told = json.loads(policy().json())
    change(told)
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(told))
    with pytest.raises(SettingError, match=said):
        load_policy(file, NAMES)


def test_no_file_and_no_json_are_told(tmp_path):
    with pytest.raises(SettingError, match="cannot be read"):
        load_policy(tmp_path / "absent.json", NAMES)
    (tmp_path / "half.json").write_text("{")
    with pytest.raises(SettingError, match="is no JSON"):
        load_policy(tmp_path / "half.json", NAMES)
