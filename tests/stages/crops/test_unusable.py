"""Files and boxes that give no crop, each under its reason."""

import io

import numpy as np
import pytest
from PIL import Image

from stages.crops.decode import Unusable, crop


def noise(side):
    """A picture that no format makes small."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))


def picture():
    """40 x 20 pixels."""
    return Image.new("RGB", (40, 20), "red")


def jpeg_bytes(side=200):
    stream = io.BytesIO()
    noise(side).save(stream, "JPEG", quality=90)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content, reason",
    [
        (None, "missing"),
        (b"", "empty file"),
        (b"<html>404 Not Found</html>", "unreadable"),
        (jpeg_bytes()[:1500], "truncated"),
        (jpeg_bytes()[:300], "truncated"),
    ],
    ids=["missing", "empty", "html", "half a picture", "half a header"],
)
def test_damaged_files_say_what_is_wrong(tmp_path, content, reason):
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unusable, match=f"^{reason}$"):
        crop(path, (50, 50, 100, 100), 32, 3)


def test_truncated_png(tmp_path):
    path = tmp_path / "a.png"
    noise(80).save(path)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(Unusable, match="truncated"):
        crop(path, None, 32, 3)


@pytest.mark.parametrize(
    "box, reason",
    [
        ((5, 5, 0, 10), "box is empty"),
        ((5, 5, 10, -3), "box is empty"),
        ((40, 5, 10, 10), "box is outside"),
        ((-10, 5, 10, 10), "box is outside"),
        ((0, 0, 1e9, 1e9), "box is far larger than the picture"),
    ],
)
def test_boxes_that_give_no_crop(tmp_path, box, reason):
    path = tmp_path / "a.png"
    picture().save(path)
    with pytest.raises(Unusable, match=reason):
        crop(path, box, 16, 3)


def test_picture_far_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = tmp_path / "a.png"
    picture().save(path)
    with pytest.raises(Unusable, match="too large"):
        crop(path, None, 16, 3)
