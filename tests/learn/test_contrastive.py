"""Representations by contrast: the losses as printed, what labels may shape, and what is learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tilth.edit import Relabel
from tilth.errors import SettingError
from tilth.learn.contrastive import Contrastive, pair, supcon
from tilth.learn.contrastive import _alike as alike
from tilth.learn.views import Views
from tilth.testing import worlds
from tilth.testing.contract import check_declarations, check_step

QUICK = Contrastive(looks=("content",), side_px=16, epochs=3, least_steps=20, batch=16, precision="fp32")


def units(m=6, d=4, seed=0):
    z = torch.randn((m, d), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return z / z.norm(dim=1, keepdim=True)


def test_it_keeps_the_contract():
    check_declarations(Contrastive())
    check_step(QUICK)


def test_supcon_is_the_printed_sum():
    z, classes, heat = units(), np.array([0, 1, 0, 0, 1, 2]), 0.2
    same = torch.as_tensor(classes[:, None] == classes[None]).double()
    found = supcon(z, same, heat)
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        below = sum(float(torch.exp(z[i] @ z[a] / heat)) for a in others)
        likes = [p for p in others if classes[p] == classes[i]]
        terms = [float(torch.log(torch.exp(z[i] @ z[p] / heat) / below)) for p in likes]
        assert float(found[i]) == pytest.approx(-np.mean(terms) if terms else 0.0, abs=1e-9)


def test_a_pair_that_belongs_together_is_drawn_and_another_pushed_up_to_the_margin():
    same = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    other = torch.eye(2)
    here, near, far = torch.tensor([1.0, 0.0]), torch.tensor([0.96, 0.28]), torch.tensor([-1.0, 0.0])
    assert float(pair(torch.stack([here, here]), same, 0.1, 1.0).sum()) == pytest.approx(0, abs=1e-5)
    assert float(pair(torch.stack([here, far]), same, 0.1, 1.0)[0]) == pytest.approx(4.0)
    assert float(pair(torch.stack([here, far]), other, 0.1, 1.0).sum()) == 0
    apart = float((here - near).norm())
    assert float(pair(torch.stack([here, near]), other, 0.1, 1.0)[0]) == pytest.approx((1 - apart) ** 2, abs=1e-6)


def test_views_belong_together_by_picture_or_by_shared_classes():
    rows, targets = torch.tensor([0, 1, 0]), torch.tensor([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(alike(rows, targets, free=True), [[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    np.testing.assert_allclose(alike(rows, targets, free=False), [[1, 0.5, 1], [0.5, 1, 0.5], [1, 0.5, 1]], rtol=1e-5)


def test_views_without_range_are_the_picture_and_the_same_dice_give_the_same_view():
    batch = torch.randn((3, 2, 8, 10), generator=torch.Generator().manual_seed(0))
    still = Views(0, 0, 0, 0, 0, 0)
    torch.testing.assert_close(still.of(batch, torch.Generator().manual_seed(1)), batch)
    torch.testing.assert_close(Views(0, 0, 0, 0, 0, 0, 1.0).of(batch, torch.Generator().manual_seed(1)), -batch)
    one, again, other = (Views().of(batch, torch.Generator().manual_seed(seed)) for seed in (2, 2, 3))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_a_view_for_all_pictures_is_the_same_whatever_stands_beside_it():
    batch = torch.randn((3, 1, 12, 12), generator=torch.Generator().manual_seed(0))
    whole = Views().alike(batch, 4)
    torch.testing.assert_close(Views().alike(batch[1:2], 4), whole[1:2])
    assert not torch.equal(Views().alike(batch, 5), whole)
    torch.testing.assert_close(Views(0, 0, 0, 0, 0).alike(batch, 4), batch)


def test_it_is_asked_about_the_picture_and_its_views_and_says_the_mean():
    world = worlds.photos(20)
    run, train = world.run(), world.data.train
    model = replace(QUICK, asked=2).fit(train, None, run, seed=0).members[0]
    pictures = torch.stack([model.see(picture) for picture in run.images(train)])
    batch = (pictures.float() - model.shift) * model.scale
    with torch.no_grad():
        said = [model.net(view).softmax(1) for view in (batch, Views().alike(batch, 0), Views().alike(batch, 1))]
    np.testing.assert_allclose(model.predict(train, run), torch.stack(said).mean(0), atol=1e-5)
    alone = train.where(np.arange(len(train)) == 3)
    np.testing.assert_allclose(model.features(alone, run), model.features(train, run)[3:4], atol=1e-4)


def test_labels_shape_supcon_and_not_simclr():
    world = worlds.photos(60)
    run = world.run()
    train = world.data.train
    mixed = train.apply(_shuffled(train))
    for loss, same in (("simclr", True), ("supcon", False)):
        learner = Contrastive(
            loss=loss, looks=("square",), side_px=16, epochs=2, least_steps=0, batch=16, precision="fp32"
        )
        one, other = (learner.fit(part, None, run, seed=0).features(train, run) for part in (train, mixed))
        assert np.array_equal(one, other) is same


def _shuffled(data):
    new = np.random.default_rng(0).permutation(data.labels)
    return [
        Relabel(str(id), int(old), int(to), "mixed")
        for id, old, to in zip(data.ids, data.labels, new, strict=True)
        if old != to
    ]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["supcon", "pair", "simclr"])
def test_its_neighbours_are_of_one_class(loss):
    from tilth.learn.crossfit import crossfit
    from tilth.numerics.votes import neighbor_votes

    world = worlds.photos(240, wrong=24)
    train = world.data.train
    learner = Contrastive(loss=loss, looks=("square",), side_px=32, epochs=8, least_steps=150, precision="fp32")
    probabilities, features, _ = crossfit(learner, train, world.run(), folds=3)
    truth = np.array([world.truth[id] for id in train.ids])
    votes = neighbor_votes(features.values, train.targets, neighbors=10).shares
    assert (votes.argmax(1) == truth).mean() > (0.6 if loss == "simclr" else 0.8)  # four shapes
    if loss != "simclr":
        assert (probabilities.values.argmax(1) == truth).mean() > 0.85


def test_it_learns_several_labels_and_colour():
    world = worlds.photos(40, channels=3)
    model = QUICK.fit(world.data.train, None, world.run(), seed=0)
    assert model.features(world.data, world.run()).shape == (len(world.data), 128)


def test_looks_are_asked_together():
    world = worlds.photos(40)
    run, train = world.run(), world.data.train
    both = replace(QUICK, looks=("square", "tidied"), loss="classes").fit(train, None, run, seed=1)
    apart = [one.ask(train, run) for one in both.members]
    np.testing.assert_allclose(both.predict(train, run), (apart[0][0] + apart[1][0]) / 2, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(both.features(train, run), axis=1), np.sqrt(2), rtol=1e-5)
    assert {line["network"] for line in both.curves} == {1, 2}


def test_an_unknown_loss_or_look_is_refused():
    world = worlds.photos(20)
    with pytest.raises(SettingError, match="square, content, tidied"):
        Contrastive(looks=("sideways",)).fit(world.data.train, None, world.run(), seed=0)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="supcon, pair, simclr, classes"):
        Contrastive(loss="triplet").fit(world.data.train, None, world.run(), seed=0)  # type: ignore[arg-type]
