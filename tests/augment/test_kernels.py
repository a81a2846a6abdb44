"""Compiled loops give what plain arrays give: known answers, every shape, nothing read or written beyond a picture."""

import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tilth.augment.operation import Move
from tilth.augment.operations import affine, levels, moving, operate, pixels, smooth, tone
from tilth.augment.operations import kernels as package
from tilth.augment.operations.kernels import levels as kernels
from tilth.augment.operations.kernels import reading
from tilth.augment.operations.paint import as_floats, as_pixels, painted_batch
from tilth.augment.operations.swift import SWIFT
from tilth.numerics import compiled, picture

SIZES = [(1, 1), (1, 30), (30, 1), (2, 3), (17, 5), (5, 90), (33, 47), (40, 64)]


def noisy(size, channels, count=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *size, channels), dtype=np.uint8)


def soft(size, channels, count=2):
    """No edge harder than a stroke under light blur."""
    y, x = np.mgrid[: size[0], : size[1]]
    waves = [np.sin((x * (row + 1) + y * (channel + 1)) / 4) for row in range(count) for channel in range(channels)]
    shown = np.array(waves).reshape(count, channels, *size).transpose(0, 2, 3, 1)
    return np.ascontiguousarray((127.5 + 100 * shown).round().astype(np.uint8))


def ones(count, value=1.0):
    return np.full(count, value)


def dice(count):
    return [np.random.default_rng(row) for row in range(count)]


def run(name, pictures, magnitude):
    return SWIFT[name](pictures, ones(len(pictures), magnitude), picture.backgrounds(pictures), dice(len(pictures)))


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_moved_is_the_picture_and_a_whole_pixel_is_a_whole_pixel(size, channels):
    shown = noisy(size, channels)
    ground = picture.backgrounds(shown)
    still = np.tile(np.eye(2, 3), (3, 1, 1))
    assert np.array_equal(moving.moved(shown, still, ground), shown)
    still[:, 0, 2], still[:, 1, 2] = 2, -1
    out = moving.moved(shown, still, ground)
    padded = np.broadcast_to(ground[:, None, None], (3, size[0] + 1, size[1] + 2, channels)).copy()
    padded[:, : size[0], 2:] = shown
    assert np.array_equal(out, padded[:, 1:, : size[1]])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["rotate", "shear_x", "zoom", "elastic", "barrel", "inverse_barrel", "crop"])
def test_reading_is_within_two_levels_of_the_differentiable_path(name, channels):
    for shown in (soft((61, 83), channels), noisy((40, 37), channels, count=2)):
        rows, ground = [[Move(name, 0.7)], [Move(name, 0.3)]], picture.backgrounds(shown)
        ours = painted_batch(shown, rows, dice(2), keep_ink=False)
        floats = operate(as_floats(shown), rows, torch.from_numpy(ground).float() / 255, dice(2))
        apart = np.abs(ours.astype(int) - as_pixels(floats))
        assert apart.max() <= 2 and apart.mean() < 0.4  # noise of full range is the hardest there is


def test_the_weights_of_a_place_add_up_and_flat_paper_stays_flat():
    for first, then in reading.TABLES.values():
        assert first.flags.c_contiguous and then.flags.c_contiguous
    coarse, fine = reading.TABLES[1]
    assert (coarse[:, ::4].sum(axis=1) == 128).all() and (fine.sum(axis=1) == 16_384).all()
    for level in (0, 1, 128, 254, 255):
        flat = np.full((1, 20, 23, 3), level, dtype=np.uint8)
        assert np.array_equal(run("elastic", flat, 1.0), flat)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_thrown_far_out_of_the_frame_is_ground(channels):
    shown = noisy((9, 14), channels, count=6)
    ground = picture.backgrounds(shown)
    far = np.tile(np.eye(2, 3), (6, 1, 1))
    far[:, 0, 2] = [1e3, -1e9, 1e300, np.inf, -np.inf, np.nan]
    with np.errstate(all="ignore"):
        out = moving.moved(shown, far, ground)
    assert np.array_equal(out, np.broadcast_to(ground[:, None, None], shown.shape))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 2, 3]),
)
def test_any_matrix_reads_the_picture_or_its_ground(linear, height, width, channels):
    a, b, c, d = linear
    assume(abs(a * d - b * c) > 1e-9)
    assume(min(np.hypot(a, c), np.hypot(b, d)) > 0.1)  # the mean over all that a pixel covers takes room
    shown = np.full((1, height, width, channels), 90, dtype=np.uint8)
    matrix = np.array([[[a, b, width / 2], [c, d, height / 2]]])
    out = moving.moved(shown, matrix, np.full((1, channels), 90, dtype=np.uint8))
    assert (out == 90).all()


def test_long_words_read_what_short_ones_do():
    """Those of 64 bits are for pictures of a side that no test has."""
    shown = noisy((30, 41), 3)
    back = np.linalg.inv(np.vstack([affine.matrix("rotate", 0.8, (30, 41)), [0, 0, 1]]))[None, :2].repeat(3, 0)
    flat, ground, made = shown.reshape(3, 30, -1), picture.backgrounds(shown), []
    short = reading.counting(30, 41)
    assert short.dtype == np.int32 and reading.counting(1, 50_000_000).dtype == np.int64
    for words in (short, short.astype(np.int64)):
        out = np.empty_like(flat)
        none = np.zeros((3, 2, 30, 0)), np.zeros((0, 41))
        reading.read(flat, back, np.zeros(3), *none, ground, *reading.TABLES[3], words, out)
        made.append(out)
    assert np.array_equal(*made)


# -- levels ------------------------------------------------------------------------------------------------------------


def ramp(size=(16, 48)):
    return np.arange(256, dtype=np.uint8).repeat(3).reshape(1, *size, 1)


@given(st.integers(2, 256))
def test_levels_of_a_poster_are_to_the_nearest(count):
    steps = count - 1
    shown = ramp()
    out = np.empty(shown.shape, dtype=np.uint8)
    kernels.posterized(shown.reshape(1, -1), np.array([steps]), out.reshape(1, -1))
    nearest = np.floor(shown / 255 * steps + 0.5) / steps * 255
    assert np.abs(out - nearest).max() <= 1
    assert out.min() == 0 and out.max() == 255 and len(np.unique(out)) == count


@given(st.floats(-3, 3))
def test_brightness_stops_at_black_and_white(magnitude):
    by = np.floor(255 * tone.BRIGHTNESS * magnitude + 0.5)
    out = levels.brightness(ramp(), ones(1, magnitude), np.zeros((1, 1), np.uint8), ())
    assert np.array_equal(out, (ramp() + by).clip(0, 255))


@given(st.floats(0, 2))
def test_solarize_inverts_what_is_brighter(magnitude):
    shown = ramp()
    out = levels.solarize(shown, ones(1, magnitude), np.zeros((1, 1), np.uint8), ())
    above = shown / np.float32(255) > np.float32(1) - np.float32(magnitude)
    assert np.array_equal(out, np.where(above, 255 - shown, shown))


@given(st.floats(-1, 1), st.integers(0, 200), st.integers(0, 55))
def test_contrast_is_the_distance_to_the_mean(magnitude, low, span):
    shown = (low + np.arange(60) % (span + 1)).astype(np.uint8).reshape(1, 5, 4, 3)
    out = levels.contrast(shown, ones(1, magnitude), np.zeros((1, 3), np.uint8), ())
    mean = (shown.reshape(-1, 3).mean(axis=0) * np.array(tone.LUMA)).sum()
    exact = (shown + tone.CONTRAST * magnitude * (shown - mean)).clip(0, 255)
    assert np.abs(out - exact).max() <= 0.6


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_values_are_counted_in_every_lane(size, channels):
    shown = noisy(size, channels) // 3 + 60
    even = levels.equalize(shown, ones(3), np.zeros((3, channels), np.uint8), ())
    wide = levels.autocontrast(shown, ones(3), np.zeros((3, channels), np.uint8), ())
    for row in range(3):
        for channel in range(channels):
            plane = shown[row, :, :, channel].astype(float)
            low, high = plane.min(), plane.max()
            if low == high:
                assert np.array_equal(even[row, :, :, channel], plane)
                assert np.array_equal(wide[row, :, :, channel], plane)
                continue
            below = (plane[..., None, None] >= plane).sum(axis=(2, 3)) - (plane == low).sum()
            exact = 255 * below / (plane.size - (plane == low).sum())
            assert np.abs(even[row, :, :, channel] - exact).max() <= 0.6
            assert np.abs(wide[row, :, :, channel] - 255 * (plane - low) / (high - low)).max() <= 0.6


def test_the_mean_of_a_tall_picture_does_not_run_over():
    shown = np.full((1, 3000, 2, 1), 255, dtype=np.uint8)
    assert np.array_equal(levels.contrast(shown, ones(1), np.zeros((1, 1), np.uint8), ()), shown)


# -- neighbours, cells, patches, flips -----------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sigma", [0.6, 3.0])
def test_a_mean_over_neighbours_is_that_of_whole_numbers(size, channels, sigma):
    shown = noisy(size, channels)
    weights = smooth.bells(np.array([sigma, 0.5 * sigma, sigma]))
    out = smooth.smoothed(shown, weights, weights[::-1])
    reach = weights.shape[1] - 1
    for row, (down, across) in enumerate(zip(weights.astype(int), weights[::-1].astype(int), strict=True)):
        wide = shown[row].astype(int)
        for axis, half in ((0, down), (1, across)):
            edges = [(reach, reach) if at == axis else (0, 0) for at in range(3)]
            padded, length = np.pad(wide, edges, mode="edge"), wide.shape[axis]
            kernel = np.concatenate([half[:0:-1], half])
            taps = [weight * padded.take(np.arange(length) + at, axis=axis) for at, weight in enumerate(kernel)]
            wide = (sum(taps) + 128) >> 8
        assert np.array_equal(out[row], wide)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("magnitude", [0.0, 0.3, 1.0, -1.0, 50.0])
def test_a_cell_is_the_mean_of_what_it_covers(size, channels, magnitude):
    shown = noisy(size, channels)
    rows, columns = (min(one) for one in zip(pixels.grain.coarse(size, magnitude), size, strict=True))
    shares = [
        pixels.grain._means(pixel, cell, torch.zeros(1, dtype=torch.float64)).numpy()
        for pixel, cell in zip(size, (rows, columns), strict=True)
    ]
    small = np.floor(np.einsum("rh,nhwc,kw->nrkc", shares[0], shown, shares[1]) + 0.5)
    nearest = [
        (2 * np.arange(pixel) + 1) * cell // (2 * pixel) for pixel, cell in zip(size, (rows, columns), strict=True)
    ]
    exact = small.take(nearest[0], axis=1).take(nearest[1], axis=2)
    assert np.abs(run("pixelate", shown, magnitude) - exact).max() <= 1


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [*SIZES, (3, 6), (4, 16), (2, 21)])
def test_left_becomes_right(size, channels):
    shown = noisy(size, channels)
    assert np.array_equal(run("hflip", shown, 1.0), shown[:, :, ::-1])


@pytest.mark.parametrize("magnitude", [0.3, 1.0, 2.5, 4.0])
@pytest.mark.parametrize("size", SIZES)
def test_a_patch_is_ground_and_stays_in_the_frame(size, magnitude):
    shown = noisy(size, 3)
    out = run("erase", shown, magnitude)
    assert out.shape == shown.shape
    whole = run("erase", np.full((1, *size, 3), 77, dtype=np.uint8), magnitude)
    assert (whole == 77).all()


# -- every kernel ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SWIFT))
def test_a_view_is_taken_as_it_is(name):
    view = noisy((24, 40), 3).transpose(0, 2, 1, 3)
    assert np.array_equal(run(name, view, 0.6), run(name, view.copy(), 0.6))


def test_locked_pictures_are_taken_too():
    shown = noisy((4, 30), 3)
    shown.setflags(write=False)
    assert np.array_equal(run("hflip", shown, 1.0), shown[:, :, ::-1])


@pytest.mark.parametrize(
    ("module", "was", "becomes"),
    [
        ("augment/operations/kernels/bands.py", "13 - 3 * (lane // 3)", "1 + 3 * (lane // 3)"),
        ("numerics/compiled/lanes.py", "lanes = list(order)", "lanes = [*order][::-1]"),
    ],
)
def test_a_changed_helper_is_seen_in_a_copy_of_the_kernels(tmp_path, module, was, becomes):
    """What `turned` makes, by way of `turn_five` in `bands` and `picked` in `lanes`, before and after one of them takes the
    pixels in another order."""
    root, code = Path(package.__path__[0]).parents[3], f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{TURNED}"
    shutil.copytree(root / "tilth", tmp_path / "tilth", ignore=shutil.ignore_patterns("__pycache__"))
    helper = tmp_path / "tilth" / module
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "kept")}

    def turned():
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.split()

    (made, found), text = turned(), helper.read_text()
    changed = text.replace(was, becomes)
    assert found == "0" and changed != text
    helper.write_text(changed)
    (other, found), again = turned(), turned()
    assert found == "0" and other != made and again == [other, "1"]


TURNED = """
import numpy as np
from tilth.augment.operations.kernels import turning
shown = np.arange(60, dtype=np.uint8).reshape(1, 1, 60)
out = np.empty_like(shown)
turning.turned(shown, out)
print(out.tobytes().hex(), sum(turning.turned.stats.cache_hits.values()))
"""


@pytest.mark.parametrize("missing", ["numba", "llvmlite"])
def test_a_numba_that_does_not_load_is_told_with_what_to_do_by_every_kernel(missing):
    names = [
        module.name for one in (package, compiled) for module in pkgutil.iter_modules(one.__path__, f"{one.__name__}.")
    ]
    code = (
        f"import importlib, sys; sys.modules[{missing!r}] = None\n"
        "from tilth.errors import StepError\n"
        f"for name in {names}:\n"
        "    try:\n        importlib.import_module(name)\n"
        "    except StepError as fault:\n        print(str(fault).replace('\\n', ' '))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert len(said) == len(names) > 8 and all("numba" in line and "pip install" in line for line in said)


def test_operations_are_imported_without_numba():
    code = "import sys; import tilth.augment.operations.paint; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


DIGEST = """
import hashlib, numpy as np
from tilth.augment.operation import Move
from tilth.augment.operations.paint import painted_batch
shown = np.random.default_rng(0).integers(0, 255, (3, 41, 53, 3), dtype=np.uint8)
names = ("rotate", "elastic", "barrel", "contrast", "equalize", "autocontrast", "blur", "sharpen", "pixelate")
moves = [[Move(name, share)] for name in names for share in (0.2, 0.9)]
dice = [np.random.default_rng(row) for row in range(len(moves))]
of = [row % 3 for row in range(len(moves))]
print(hashlib.sha256(painted_batch(shown, moves, dice, of=of).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_a_processor_without_wide_vectors_makes_the_same_bytes(tmp_path):
    plain = {**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True, env=env).stdout
        for env in (None, plain)
    ]
    assert said[0] == said[1] and len(said[0]) == 65
