"""Operations give back what they got at 0, fill with the ground, pass exact gradients and do not mind their company."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.augment.operation import Move
from tilth.augment.operations import OPERATIONS, grounds, operate
from tilth.augment.operations import affine as moves_of
from tilth.augment.operations.grain import drawn, shuffled
from tilth.augment.operations.paint import as_floats, as_pixels, painted, painted_batch
from tilth.augment.operations.sets import SETS, named
from tilth.augment.operations.smooth import bells
from tilth.augment.operations.words import said
from tilth.errors import SettingError
from tilth.numerics import picture, warp

EVERY = sorted(OPERATIONS)
GRADED = sorted(name for name, operation in OPERATIONS.items() if operation.graded)
EXACT = sorted(name for name, operation in OPERATIONS.items() if operation.gradient == "exact")
SHEET_MOVERS = sorted(name for name, operation in OPERATIONS.items() if operation.family in ("affine", "bend"))


def dice(count, seed=0):
    return [np.random.default_rng([seed, row]) for row in range(count)]


def glyph(size=(48, 40), channels=1, *, ground=255, ink=20):
    """A ring, a bar and a dot, with a margin all around."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    radius = np.hypot((y - height / 2) / height, (x - width / 2) / width)
    inked = (abs(radius - 0.25) < 0.05) | ((abs(x - width / 2) < 1.5) & (abs(y - height / 2) < height / 3))
    shown = np.where(inked, ink, ground).astype(np.uint8)
    colours = [shown, np.where(inked, (ink + ground) // 2, ground).astype(np.uint8), shown]
    return np.stack(colours[:channels], axis=2)


def batch(count=3, channels=1, **how):
    return as_floats(np.stack([glyph(channels=channels, **how)] * count))


def smooth(channels=1, size=(33, 47)):
    """A blob between 0.33 and 0.6 in double precision: no kink of a clamp, and little of sampling."""
    height, width = size
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    blob = 0.4 + 0.2 * torch.exp(-4 * ((x - 0.1) ** 2 + (y + 0.2) ** 2))
    return torch.stack([blob ** (1 + 0.1 * channel) for channel in range(channels)])[None].double()


def applied(name, pictures, magnitude, seed=0):
    shares = pictures.new_full((len(pictures),), magnitude)
    return OPERATIONS[name].apply(pictures, shares, grounds(pictures), dice(len(pictures), seed))


# -- every operation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", EVERY)
def test_at_zero_it_gives_back_what_it_got(name, channels):
    shown = torch.rand(2, channels, 21, 34, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(applied(name, shown, 0.0), shown, atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", EVERY)
def test_at_full_strength_it_changes_the_picture_and_stays_within_range(name, channels):
    shown = batch(2, channels, ground=200) * 0.9
    for magnitude in (1.0, -1.0) if OPERATIONS[name].signed else (1.0,):
        out = applied(name, shown, magnitude)
        assert out.shape == shown.shape
        assert -1e-5 <= out.min() and out.max() <= 1 + 1e-5
        changed = (out - shown).abs().max() > 0.02
        assert changed or (name == "saturation" and channels == 1)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 1), (2, 3), (17, 5), (5, 90)])
def test_any_size_is_kept(name, size):
    shown = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(1))
    out = applied(name, shown, 0.8)
    assert out.shape == shown.shape and torch.isfinite(out).all()


@pytest.mark.parametrize("name", EVERY)
def test_a_picture_does_not_mind_its_company(name):
    shown = torch.rand(5, 3, 24, 31, generator=torch.Generator().manual_seed(2))
    shares = torch.tensor([0.3, 1.0, 0.0, 0.7, 0.05])
    together = OPERATIONS[name].apply(shown, shares, grounds(shown), dice(5))
    for row in range(5):
        one = slice(row, row + 1)
        alone = OPERATIONS[name].apply(shown[one], shares[one], grounds(shown[one]), dice(5)[one])
        torch.testing.assert_close(alone, together[one], atol=2e-5, rtol=0)


@pytest.mark.parametrize("name", EVERY)
def test_the_same_dice_give_the_same_picture(name):
    shown = batch(3)
    assert torch.equal(applied(name, shown, 0.6, seed=5), applied(name, shown, 0.6, seed=5))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", EXACT)
def test_an_exact_gradient_is_that_of_finite_differences(name, channels):
    shown = smooth(channels)
    # The ground at the rim is flat to a thousandth, so what comes in from outside makes no edge.
    ground = grounds(shown)
    weights = torch.linspace(-1, 1, shown[0].numel(), dtype=torch.float64).view(shown.shape).sin()

    def seen(share):
        return (OPERATIONS[name].apply(shown, share, ground, dice(1)) * weights).sum()

    share = torch.tensor([0.37], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(seen(share), share)
    with torch.no_grad():
        wide = (seen(share + 1e-5) - seen(share - 1e-5)) / 2e-5
    # Sampling has kinks where a pixel crosses another; the straight-through clamp changes nothing between 0 and 1.
    assert slope.item() == pytest.approx(wide.item(), rel=2e-3, abs=1e-6)


@pytest.mark.parametrize("name", ["posterize", "solarize"])
def test_a_gradient_goes_through_what_has_none(name):
    shown = smooth().requires_grad_()
    share = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    out = OPERATIONS[name].apply(shown, share, grounds(shown.detach()), dice(1))
    to_share, to_picture = torch.autograd.grad(out.sum(), [share, shown])
    assert to_share.item() == shown.numel()
    assert torch.equal(to_picture, torch.ones_like(shown))


def test_the_clamp_lets_the_gradient_of_noise_through_on_white_paper():
    white = torch.ones(1, 1, 64, 64)
    share = torch.tensor([0.5], requires_grad=True)
    out = OPERATIONS["noise"].apply(white, share, torch.ones(1, 1), dice(1))
    (slope,) = torch.autograd.grad((out * (out < 1)).sum() + (out * (out >= 1)).sum(), share)
    grain = drawn((1, 64, 64), dice(1))
    assert slope.item() == pytest.approx(0.2 * float(grain.sum()), rel=1e-3)


def test_every_operation_can_be_told_in_words():
    for name in EVERY:
        assert "{" not in said([Move(name, 0.5)])
    assert said([Move("rotate", -0.5), Move("zoom", 1.0)]) == "turned by -15.0 degrees, zoomed to 140%"


# -- the ground ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ground", [255, 180, 40, 0])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", [*SHEET_MOVERS, "erase", "thicken", "thin", "blur"])
def test_what_comes_in_is_ground(name, channels, ground):
    shown = glyph((60, 50), channels, ground=ground, ink=255 - ground if ground != 180 else 20)
    floats = as_floats(shown[None])
    for magnitude in (0.6, -0.6) if OPERATIONS[name].signed else (0.6,):
        out = as_pixels(applied(name, floats, magnitude))[0].astype(int)
        rim = np.concatenate([out[0], out[-1], out[:, 0], out[:, -1]])
        assert np.abs(np.median(rim, axis=0) - ground).max() <= 1
        assert np.abs(np.stack([out[0, 0], out[-1, -1], out[0, -1], out[-1, 0]]) - ground).max() <= 2


@pytest.mark.parametrize("ground, ink", [(250, 10), (10, 250)])
def test_strokes_thicken_and_thin_on_either_ground(ground, ink):
    shown = as_floats(glyph((200, 200), ground=ground, ink=ink)[None])

    def amount(pictures):
        return (pictures - ground / 255).abs().mean().item()

    assert amount(applied("thicken", shown, 0.5)) > 1.1 * amount(shown)
    assert amount(applied("thin", shown, 0.5)) < 0.95 * amount(shown)


def test_ink_is_inverted_with_the_ground_for_the_moves_after_it():
    shown = batch(1)
    out = as_pixels(operate(shown, [[Move("invert", 1), Move("rotate", 1.0)]]))[0]
    assert out[0, 0] == 0 and out[-1, -1] == 0
    assert out.max() > 200


# -- what single operations are ----------------------------------------------------------------------------------------


def test_flips_turn_the_picture_over():
    shown = torch.rand(2, 3, 9, 14)
    assert torch.equal(applied("hflip", shown, 0.3), shown.flip(3))
    assert torch.equal(applied("vflip", shown, 1.0), shown.flip(2))
    both = operate(shown, [[Move("hflip", 1), Move("vflip", 1)]] * 2)
    torch.testing.assert_close(both, shown.flip(2, 3), atol=1e-5, rtol=0)


def test_the_sign_of_a_magnitude_is_its_direction():
    dot = torch.zeros(1, 1, 61, 61)
    dot[:, :, 10, 30] = 1  # straight above the middle

    def place(name, magnitude):
        out = applied(name, dot, magnitude)[0, 0]
        y, x = torch.meshgrid(torch.arange(61.0), torch.arange(61.0), indexing="ij")
        return (x * out).sum() / out.sum(), (y * out).sum() / out.sum()

    assert place("rotate", 1.0)[0] > 35 and 25 > place("rotate", -1.0)[0]
    assert place("shear_x", 1.0)[0] > 34 and 26 > place("shear_x", -1.0)[0]
    assert place("shift_x", 0.5)[0] > 34 and 26 > place("shift_x", -0.5)[0]
    assert place("shift_y", 0.5)[1] > 14 and 6 > place("shift_y", -0.5)[1]
    assert place("zoom", 1.0)[1] < 5 and place("zoom", -1.0)[1] > 14
    assert applied("brightness", dot, 0.5).mean() > applied("brightness", dot, -0.5).mean()


@given(st.floats(-1, 1), st.sampled_from(sorted(moves_of._PARTS)), st.integers(3, 400), st.integers(3, 400))
def test_both_engines_move_the_sheet_to_the_same_place(magnitude, name, height, width):
    plain = moves_of.matrix(name, magnitude, (height, width))
    tensor = moves_of.matrices(name, torch.tensor([magnitude], dtype=torch.float64), (height, width))[0]
    np.testing.assert_allclose(plain, tensor.numpy(), atol=1e-9)


def test_a_turn_and_a_shear_are_those_of_the_house():
    size = (40, 70)
    turned = warp.affine(size, rotate_deg=0.5 * moves_of.ROTATE_DEG)
    np.testing.assert_allclose(moves_of.matrix("rotate", 0.5, size), turned)
    np.testing.assert_allclose(moves_of.matrix("shear_x", 1, size), warp.affine(size, shear=moves_of.SHEAR))
    np.testing.assert_allclose(moves_of.matrix("zoom", 1, size), warp.affine(size, zoom=moves_of.ZOOM))


def test_affine_moves_in_a_row_are_one_resampling():
    shown = batch(1)
    there_and_back = [Move("rotate", 0.7), Move("shift_x", 0.5), Move("shift_x", -0.5), Move("rotate", -0.7)]
    torch.testing.assert_close(operate(shown, [there_and_back]), shown, atol=1e-4, rtol=0)


def test_thin_strokes_survive_shrinking():
    shown = np.full((120, 120, 1), 255, np.uint8)
    shown[20:100, 60] = 0
    out = as_pixels(applied("zoom", as_floats(shown[None]), -1.0))[0]
    column = out[40:80].min(axis=1)
    assert column.max() < 140, "the stroke is broken"


@settings(max_examples=25)
@given(st.integers(1, 70), st.integers(1, 70), st.floats(0, 1), st.integers(0, 99))
def test_a_shuffle_loses_no_pixel(height, width, magnitude, seed):
    values = np.arange(height * width).reshape(height, width, 1)
    out = shuffled(values, magnitude, np.random.default_rng(seed))
    assert sorted(out.ravel().tolist()) == values.ravel().tolist()


def test_a_shuffle_stays_within_its_blocks():
    y, x = np.mgrid[:160, :160]
    out = shuffled(np.stack([y, x], axis=2), 1.0, np.random.default_rng(0))
    away = np.abs(out - np.stack([y, x], axis=2))
    assert away.max() < 4  # 2.5 % of 160
    assert 0.7 < (away.max(axis=2) > 0).mean() < 1  # of 16 places in a block, one is the pixel's own


def test_posterize_keeps_white_white_and_leaves_four_levels():
    ramp = torch.linspace(0, 1, 256).view(1, 1, 16, 16)
    out = applied("posterize", ramp, 1.0)
    assert sorted(set(out.flatten().tolist())) == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_equalize_spreads_and_autocontrast_stretches():
    ramp = 0.4 + 0.2 * torch.linspace(0, 1, 2500).view(1, 1, 50, 50) ** 1.5
    even, wide = applied("equalize", ramp, 1.0), applied("autocontrast", ramp, 1.0)
    assert even.mean().item() == pytest.approx(0.5, abs=0.03)
    assert (wide.min().item(), wide.max().item()) == pytest.approx((0, 1), abs=1e-6)
    flat = torch.full((1, 1, 8, 8), 0.3)
    for name in ("equalize", "autocontrast"):
        torch.testing.assert_close(applied(name, flat, 1.0), flat)


def test_pixelate_leaves_flat_squares():
    out = applied("pixelate", torch.rand(1, 1, 160, 160), 1.0)[0, 0]
    assert torch.equal(out, out[::10, ::10].repeat_interleave(10, 0).repeat_interleave(10, 1))


def test_a_barrel_bulges_and_its_inverse_pinches():
    dot = torch.zeros(1, 1, 81, 81)
    dot[:, :, 19:22, 19:22] = 1

    def from_middle(name):
        out = applied(name, dot, 1.0)[0, 0]
        return 40 - (torch.arange(81.0)[:, None] * out).sum() / out.sum()

    assert from_middle("barrel") < 19.5 and from_middle("inverse_barrel") > 21


# -- uint8 in, uint8 out ----------------------------------------------------------------------------------------------


# Weights and places are rounded to whole numbers: some levels at a hard edge, and more where the difference to a mean is enlarged.
APART = {"affine": 2, "blur": 4, "sharpen": 12, "posterize": 1}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", EVERY)
def test_children_are_what_the_operations_make_of_floats(name, channels):
    sharp = glyph((60, 52), channels=channels, ground=230)
    shown = as_pixels(applied("blur", as_floats(sharp[None]), 1.0))[0]
    rows = [[Move(name, 0.7)], [Move(name, 0.2)], [Move(name, 0.0)]]
    children = painted(shown, rows, dice(3), keep_ink=False)
    ground = torch.from_numpy(picture.background(shown)).float()[None].expand(3, -1) / 255
    through = as_pixels(operate(as_floats(np.stack([shown] * 3)), rows, ground, dice(3)))
    apart = np.abs(np.stack(children).astype(int) - through)
    operation = OPERATIONS[name]
    assert apart.max() <= APART.get(name, APART.get(operation.family, 1) if operation.graded else 1)
    assert apart.mean() < 1.0
    assert np.array_equal(children[2], shown)


@pytest.mark.parametrize("keep_ink", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [(32, 32), (47, 53), (130, 121)])
def test_a_child_is_the_same_to_the_last_bit_in_any_company(side, channels, keep_ink):
    rng = np.random.default_rng(7)
    originals = np.stack([glyph(side, channels, ground=250 - 40 * row, ink=10 + 20 * row) for row in range(5)])
    originals = (originals + rng.integers(0, 5, originals.shape)).astype(np.uint8)
    before = originals.copy()
    rows = [[Move(name, 0.6)] for name in EVERY]
    for _ in range(24):
        names = rng.choice(EVERY, 3)
        rows.append([Move(str(name), float(rng.uniform(0.05, 1))) for name in names])
    of = [int(row) for row in rng.integers(5, size=len(rows))]
    together = painted_batch(originals, rows, dice(len(rows)), of=of, keep_ink=keep_ink)
    few = sorted(rng.choice(len(rows), 17, replace=False).tolist())[::-1]
    dealt = [dice(len(rows))[row] for row in few]
    some = painted_batch(originals[[of[row] for row in few]], [rows[row] for row in few], dealt, keep_ink=keep_ink)
    assert np.array_equal(some, together[few])
    for row, moves in enumerate(rows):
        [alone] = painted(originals[of[row]], [moves], [dice(len(rows))[row]], keep_ink=keep_ink)
        assert np.array_equal(alone, together[row]), moves
    assert np.array_equal(originals, before), "pictures that were handed in are left alone"


def test_noise_is_gaussian():
    grain = drawn((1000, 1000), dice(1))
    assert grain.mean() == pytest.approx(0, abs=0.005) and grain.std() == pytest.approx(1, abs=0.005)
    assert (grain**4).mean() == pytest.approx(3, abs=0.05)
    assert (abs(grain) > 2).mean() == pytest.approx(0.0455, abs=0.002)


@given(st.floats(0.01, 40))
def test_whole_weights_add_up_and_keep_every_step_within_a_level(sigma):
    weights = bells(np.array([sigma]))[0].astype(int)
    assert weights[0] + 2 * weights[1:].sum() == 256 and (np.diff(weights) <= 1).all()
    taps = np.arange(len(weights))
    exact = np.exp(-(taps**2) / (2 * sigma**2 + 1e-6)) * (taps <= max(1, np.ceil(3.5 * sigma)))
    exact /= 2 * exact.sum() - exact[0]
    off = np.cumsum(weights[::-1] / 256 - exact[::-1])[:-1]
    assert (abs(off) <= 0.5 / 256 + 1e-9).all()


def test_free_ink_stays_in_frame():
    shown = glyph((90, 70))
    rows = [[Move("shift_x", 1.0), Move("zoom", 1.0)], [Move("noise", 0.05), Move("shift_y", -1.0), Move("zoom", 1.0)]]
    cut = painted(shown, rows, dice(2), keep_ink=False)
    kept = painted(shown, rows, dice(2))
    for whole, half in zip(kept, cut, strict=True):
        rim = np.concatenate([whole[0], whole[-1], whole[:, 0], whole[:, -1]])
        assert rim.min() > 180
        assert (whole < 128).sum() > (half < 128).sum() or half[:, -1].min() < 180 or half[0].min() < 180


# -- names -------------------------------------------------------------------------------------------------------------


def test_sets_are_names_of_operations():
    for name, members in SETS.items():
        assert set(members) <= OPERATIONS.keys(), name
    assert named("augment.trivial", ["edge", "rotate", "hflip"], ["invert"]) == (
        *("shift_x", "shift_y", "zoom", "rotate"),
        "hflip",
    )
    with pytest.raises(SettingError, match="did you mean 'rotate'"):
        named("augment.trivial", ["rotat"])
    with pytest.raises(SettingError, match="no operation is left"):
        named("augment.trivial", ["rotate"], ["rotate"])
