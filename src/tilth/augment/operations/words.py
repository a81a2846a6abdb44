"""What a move did, in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tilth.augment.operation import Move
from tilth.augment.operations import affine, bend, cover, grain, stroke, tone

# The amount at full strength, and the words around it.
_WORDS: Mapping[str, tuple[float, str]] = {
    "hflip": (1, "mirrored left to right"),
    "vflip": (1, "turned upside down as in a mirror"),
    "shear_x": (affine.SHEAR, "sheared sideways by {:+.2f}"),
    "shear_y": (affine.SHEAR, "sheared upwards by {:+.2f}"),
    "shift_x": (affine.SHIFT, "shifted right by {:+.0%}"),
    "shift_y": (affine.SHIFT, "shifted down by {:+.0%}"),
    "rotate": (affine.ROTATE_DEG, "turned by {:+.1f} degrees"),
    "elastic": (bend.ELASTIC, "bent by {:.1%} of the side"),
    "barrel": (bend.BARREL, "bulged by {:.0%}"),
    "inverse_barrel": (bend.BARREL, "pinched by {:.0%}"),
    "invert": (1, "inverted"),
    "brightness": (tone.BRIGHTNESS, "brightness changed by {:+.0%}"),
    "contrast": (tone.CONTRAST, "contrast changed by {:+.0%}"),
    "saturation": (tone.SATURATION, "colour changed by {:+.0%}"),
    "solarize": (1, "the brightest {:.0%} of the range inverted"),
    "equalize": (1, "equalized by {:.0%}"),
    "autocontrast": (1, "stretched to black and white by {:.0%}"),
    "noise": (grain.NOISE, "with noise of {:.1%}"),
    "blur": (grain.BLUR, "blurred by {:.1%} of the side"),
    "sharpen": (grain.SHARPEN, "fine detail up by {:.0%}"),
    "pixelate": (1, "made of coarse pixels at {:.0%} strength"),
    "pixel_shuffle": (1, "{:.0%} of the pixels shuffled with their neighbours"),
    "thicken": (stroke.THICKEN, "strokes thicker by {:.1%} of the side on either side"),
    "thin": (stroke.THIN, "strokes thinner by {:.1%} of the side on either side"),
    "crop": (cover.CROP, "cropped by {:.0%}"),
    "erase": (cover.ERASE, "a patch of {:.0%} of the side erased"),
}


def said(moves: Sequence[Move]) -> str:
    """ "turned by +12.0 degrees, with noise of 3.1%" """
    return ", ".join(_one(move) for move in moves)


def _one(move: Move) -> str:
    if move.operation == "zoom":
        return f"zoomed to {affine.ZOOM**move.magnitude:.0%}"
    if move.operation == "aspect":
        return f"width to height changed to {affine.ASPECT**move.magnitude:.0%}"
    if move.operation == "posterize":
        return f"in {round(2 ** (8 - tone.BITS * move.magnitude))} levels"
    amount, words = _WORDS[move.operation]
    return words.format(amount * move.magnitude)
