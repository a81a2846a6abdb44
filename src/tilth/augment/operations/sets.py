"""Names of operations, and of sets of them, as they stand in settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tilth.dataset import Dataset
from tilth.errors import SettingError, did_you_mean
from tilth.perturb.looks import mostly_drawn
from tilth.steps import Run

SETS: Mapping[str, tuple[str, ...]] = {
    # Müller and Hutter 2021, figure 2, but for the identity: a made picture that is its parent teaches nothing.
    "trivial": (
        *("shear_x", "shear_y", "shift_x", "shift_y", "rotate", "brightness", "contrast", "saturation"),
        *("sharpen", "posterize", "solarize", "equalize", "autocontrast"),
    ),
    # What iterative sampling draws from.
    "sampling": (
        *("hflip", "vflip", "pixel_shuffle", "pixelate", "rotate", "blur", "aspect", "noise"),
        *("barrel", "inverse_barrel"),
    ),
    # Strokes on a clear ground: how they are written, and where.
    "drawing": (
        *("shear_x", "shear_y", "shift_x", "shift_y", "rotate", "zoom", "aspect", "elastic", "thicken", "thin"),
        *("hflip", "vflip"),
    ),
    # Scenes: where the camera stood, and the light.
    "photo": (
        *("hflip", "shear_x", "shift_x", "shift_y", "rotate", "zoom", "aspect", "crop", "erase"),
        *("brightness", "contrast", "saturation"),
    ),
    # What is made of samples at the rim of their class.
    "edge": ("invert", "shift_x", "shift_y", "zoom", "rotate"),
}


AUTO = "auto"
"""The set `drawing` or `photo`, by what most train pictures are."""


def spelled(names: Sequence[str], data: Dataset, run: Run) -> tuple[str, ...]:
    """The names, with `auto` replaced by the set that suits the train pictures of these data."""
    return tuple(_suiting(data, run) if name == AUTO else name for name in names)


def _suiting(data: Dataset, run: Run) -> str:
    return "drawing" if mostly_drawn(data, run) else "photo"


def named(step: str, names: Sequence[str], forbid: Sequence[str] = ()) -> tuple[str, ...]:
    """The operations that these names of operations and of sets stand for, each once, less the forbidden ones."""
    from tilth.augment.operations import OPERATIONS

    known = (*OPERATIONS, *SETS, AUTO)
    for name in (*names, *forbid):
        if name not in known:
            there = f"{did_you_mean(name, known)} (there is {', '.join(OPERATIONS)}; and the sets {', '.join(SETS)})"
            raise SettingError(f"{step} has no operation {name!r}{there}")
    barred = _spread(forbid)
    left = tuple(name for name in _spread(names) if name not in barred)
    if not left and AUTO not in names:
        raise SettingError(f"{step}: no operation is left; name one or more in `operations` that `forbid` does not")
    return left


def _spread(names: Sequence[str]) -> tuple[str, ...]:
    sets = {**SETS, AUTO: ()}
    return tuple(dict.fromkeys(one for name in names for one in sets.get(name, (name,))))
