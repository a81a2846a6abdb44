"""The spectral residual points at what stands out, wherever it lies and whatever the size of the picture."""

import numpy as np

from tilth.numerics.picture import resize
from tilth.numerics.saliency import salient


def spotted(rng, height, width, channels):
    shown = rng.normal(128, 6, (height, width, channels))
    row, column = rng.uniform(0.15, 0.85, 2)
    size = 0.06 * min(height, width)
    y, x = np.mgrid[:height, :width]
    shown[(abs(y - row * height) < size) & (abs(x - column * width) < size)] += 70
    return np.clip(shown, 0, 255).astype(np.uint8), (row, column)


def test_a_spot_in_noise_is_found():
    rng = np.random.default_rng(0)
    made = [spotted(rng, *size) for size in ((64, 64, 1), (100, 140, 3), (48, 200, 1)) for _ in range(15)]
    found = salient([shown for shown, _ in made])
    assert found.shape == (45, 2) and (abs(found - [place for _, place in made]).max(axis=1) < 0.1).mean() > 0.95


def test_a_plain_thing_on_plain_ground_is_found():
    rng, pictures, places = np.random.default_rng(0), [], []
    for _ in range(40):
        shown = np.full((64, 64, 1), 230, np.uint8)
        row, column = rng.integers(8, 50, 2)
        shown[row : row + 6, column : column + 6] = 20
        pictures.append(shown)
        places.append(((row + 3) / 64, (column + 3) / 64))
    assert (abs(salient(pictures) - places) < 0.1).all()


def test_a_picture_of_one_colour_is_looked_at_in_the_middle_and_the_company_does_not_matter():
    flat, (other, _) = np.full((20, 31, 3), 9, np.uint8), spotted(np.random.default_rng(1), 40, 40, 1)
    assert salient([flat]).tolist() == [[0.5, 0.5]]
    assert np.array_equal(salient([flat, other])[1], salient([other])[0])


def test_of_real_digits_it_is_ink_within_the_frame_that_stands_out():
    from sklearn.datasets import load_digits

    digits = load_digits().images[:200]  # as high as their frame
    pictures = [resize((255 - digit / 16 * 235).astype(np.uint8)[:, :, None], 32, 32) for digit in digits]
    places = salient(pictures)
    ink = np.array([255 - int(one[int(r * 32), int(c * 32), 0]) for one, (r, c) in zip(pictures, places, strict=True)])
    assert (ink > 75).mean() > 0.8 and np.mean([(255 - one).mean() for one in pictures]) < 75
    assert ((places > 0.05) & (places < 0.95)).all()
