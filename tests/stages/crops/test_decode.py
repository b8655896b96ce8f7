"""Crops against what Pillow gives for the same square of the whole picture, and against pixels counted by hand."""

import numpy as np
import pytest
from PIL import Image

from stages.crops.decode import crop


def texture(height, width, roughness=1.3, seed=0):
    """A picture with detail at all scales, as photographs have: amplitude falls with frequency to a power."""
    generator = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    planes = [
        np.fft.irfft2(np.exp(2j * np.pi * generator.random(frequency.shape)) / frequency**roughness, s=(height, width))
        for _ in range(3)
    ]
    picture = np.stack([40 * plane / plane.std() + 128 for plane in planes], axis=-1)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def plain(path, box, size):
    """Pillow open, crop, resize: the oracle."""
    x, y, width, height = box
    return np.asarray(Image.open(path).convert("RGB").crop((x, y, x + width, y + height)).resize((size, size)))


def quadrants():
    """A 40 x 20 picture: red, green above blue, white."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:10, :20], pixels[:10, 20:], pixels[10:, :20], pixels[10:, 20:] = (
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
    )
    return Image.fromarray(pixels)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".JPG"])
def test_square_inside_equals_crop_and_resize(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    texture(90, 120).save(path)
    pixels, treatments = crop(path, (13, 7, 60, 60), 32, 3)
    np.testing.assert_array_equal(pixels, plain(path, (13, 7, 60, 60), 32))
    assert treatments == []


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("ratio", [1, 1.9, 2, 3, 4, 8])
def test_reduced_jpeg_stays_close_to_the_whole_one(tmp_path, ratio, progressive):
    """libjpeg averages blocks where the whole picture gets the bicubic filter: that shows in fine detail, by a few grey
    levels of 255.
    """
    x, y, side = 37, 21, round(ratio * 32)
    path = tmp_path / "a.jpg"
    texture(400, 400).save(path, quality=90, progressive=progressive)
    difference = np.abs(crop(path, (x, y, side, side), 32, 3)[0].astype(int) - plain(path, (x, y, side, side), 32))
    assert difference.max() == 0 if ratio < 2 else difference.mean() < 3.5


@pytest.mark.parametrize("ratio", [2, 3, 4, 8])
def test_reduced_jpeg_is_not_shifted(tmp_path, ratio):
    """On ramps every filter gives the same, and a shift by one source pixel changes the mean by 0.64."""
    x, y, side = 37, 21, ratio * 32
    ramp = np.tile(np.linspace(0, 255, 400), (400, 1))
    path = tmp_path / "a.jpg"
    Image.fromarray(np.stack([ramp, ramp.T, ramp], axis=-1).round().astype(np.uint8)).save(
        path, quality=100, subsampling=0
    )
    difference = crop(path, (x, y, side, side), 32, 3)[0].astype(int) - plain(path, (x, y, side, side), 32)
    assert np.abs(difference.mean(axis=(0, 1))).max() < 0.32


def test_black_below_the_crop_is_no_damage(tmp_path):
    pixels = np.asarray(texture(200, 200)).copy()
    pixels[90:] = 0
    path = tmp_path / "a.jpg"
    Image.fromarray(pixels).save(path, quality=90)
    np.testing.assert_array_equal(crop(path, (50, 0, 128, 128), 128, 3)[0], plain(path, (50, 0, 128, 128), 128))


def test_jpeg_thinner_than_the_reduction(tmp_path):
    path = tmp_path / "a.jpg"
    ramp = np.tile(np.arange(240, dtype=np.uint8)[:, None], (1, 3))
    Image.fromarray(ramp).save(path, quality=95)
    pixels, treatments = crop(path, (0, 40, 3, 160), 10, 1)
    assert treatments == ["box reaches outside"]
    # Ten steps of sixteen rows each: their means.
    assert np.abs(pixels[:, 5, 0].astype(int) - (40 + 16 * np.arange(10) + 7.5)).max() <= 2


def test_box_is_squared_around_its_centre(tmp_path):
    path = tmp_path / "a.png"
    texture(90, 120).save(path)
    tall, _ = crop(path, (40, 10, 20, 60), 30, 3)
    np.testing.assert_array_equal(tall, plain(path, (20, 10, 60, 60), 30))
    wide, _ = crop(path, (20, 30, 60, 20), 30, 3)
    np.testing.assert_array_equal(wide, plain(path, (20, 10, 60, 60), 30))


def test_without_box_the_largest_centred_square(tmp_path):
    path = tmp_path / "a.png"
    texture(60, 100).save(path)
    np.testing.assert_array_equal(crop(path, None, 24, 3)[0], plain(path, (20, 0, 60, 60), 24))


def test_box_reaching_outside_is_continued_by_edge_pixels(tmp_path):
    path = tmp_path / "a.png"
    quadrants().save(path)
    pixels, treatments = crop(path, (-10, -10, 20, 20), 20, 3)
    assert treatments == ["box reaches outside", "flat"]
    assert (pixels == (255, 0, 0)).all()
    pixels, treatments = crop(path, (30, 5, 20, 20), 20, 3)
    assert treatments == ["box reaches outside"]
    np.testing.assert_array_equal(pixels[0], np.tile((0, 255, 0), (20, 1)))
    np.testing.assert_array_equal(pixels[-1], np.tile((255, 255, 255), (20, 1)))


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_undone_and_boxes_are_upright(tmp_path, orientation, suffix):
    upright = quadrants()
    stored = {
        1: lambda p: p,
        2: lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda p: p.transpose(Image.Transpose.ROTATE_180),
        4: lambda p: p.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda p: p.transpose(Image.Transpose.TRANSPOSE),
        6: lambda p: p.transpose(Image.Transpose.ROTATE_90),
        7: lambda p: p.transpose(Image.Transpose.TRANSVERSE),
        8: lambda p: p.transpose(Image.Transpose.ROTATE_270),
    }[orientation](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    stored.save(path, exif=exif, **({"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}))
    pixels, treatments = crop(path, (22, 1, 8, 8), 8, 3)
    assert ("rotated by EXIF" in treatments) == (orientation != 1)
    assert np.abs(pixels.astype(int) - (0, 255, 0)).max() <= 3  # JPEG's own error


@pytest.mark.parametrize(
    "mode, treatment",
    [
        ("L", "grey"),
        ("1", "grey"),
        ("P", "palette"),
        ("CMYK", "CMYK"),
        ("RGBA", "alpha"),
        ("LA", "alpha"),
        ("I;16", "16 bit"),
    ],
)
def test_modes_become_colour(tmp_path, mode, treatment):
    grey = Image.new("L", (8, 8), 255)
    picture = Image.fromarray(np.full((8, 8), 65535, np.uint16)) if mode == "I;16" else grey.convert(mode)
    assert picture.mode == mode
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture.save(path)
    pixels, treatments = crop(path, None, 4, 3)
    assert treatments == [treatment, "flat"]
    assert (pixels == 255).all()


def test_sixteen_bits_keep_the_upper_eight(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.array([[0, 0x1234], [0x80FF, 0xFFFF]], np.uint16)).save(path)
    assert crop(path, None, 2, 1)[0][..., 0].tolist() == [[0, 0x12], [0x80, 0xFF]]


def test_alpha_is_laid_over_white(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (4, 4), (255, 0, 0, 51)).save(path)  # a fifth of red
    assert crop(path, None, 4, 3)[0][0, 0].tolist() == [255, 204, 204]


def test_colour_in_a_grey_set(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4), (200, 100, 50)).save(path)
    pixels, treatments = crop(path, None, 4, 1)
    assert pixels.shape == (4, 4, 1) and treatments == ["colour", "flat"]
    assert pixels[0, 0, 0] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    jpeg = tmp_path / "a.jpg"
    texture(60, 60).save(jpeg)
    pixels, treatments = crop(jpeg, None, 60, 1)
    assert treatments == ["colour"]
    # The luma as stored, before colours were clipped to 0..255 and turned into luma again.
    assert np.abs(pixels[..., 0].astype(int) - np.asarray(Image.open(jpeg).convert("L"))).mean() < 0.5


def test_arrays_are_cropped_like_files():
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    assert (crop(pixels, None, 4, 1)[0][..., 0] == pixels).all()
