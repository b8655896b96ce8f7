"""Files and boxes that give no crop, each under its reason."""

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.crops.decode import crop
from stages.crops.opening import Unusable


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
        ((0.1, 0.1, 0.8, 0.8), "box is smaller than a pixel, and boxes are in pixels"),
        ((0, 0, 1, 1), "box is smaller than a pixel, and boxes are in pixels"),
        ((0.5, 0.5, 0.02, 1), "box is smaller than a pixel, and boxes are in pixels"),
        ((math.nan, 0, 9, 9), "box is not of four numbers"),
        ((0, 0, math.inf, 9), "box is not of four numbers"),
        ((-math.inf, 0, 9, 9), "box is not of four numbers"),
    ],
)
def test_boxes_that_give_no_crop(tmp_path, box, reason):
    path = tmp_path / "a.png"
    picture().save(path)
    with pytest.raises(Unusable, match=reason):
        crop(path, box, 16, 3)


EDGES = (
    st.floats() | st.floats(-60, 60) | st.sampled_from([0.0, 0.5, 1.0, 1.5, 20.0, 40.0, 160.0, 160.5, -1e300, 1e300])
)


@settings(deadline=None, max_examples=150, derandomize=True, database=None)
@given(st.tuples(EDGES, EDGES, EDGES, EDGES))
def test_any_box_is_cropped_or_refused(box):
    x, y, width, height = box
    try:
        pixels, treatments = crop(np.full((20, 40, 3), 7, np.uint8), box, 4, 3)
    except Unusable as reason:
        assert str(reason).startswith("box is ")
        usable = all(map(math.isfinite, box)) and width > 0 and height > 0 and max(width, height) > 1
        inside = usable and x < 40 and y < 20 and x + width > 0 and y + height > 0
        assert not inside or max(width, height) > 160
    else:
        assert (pixels == 7).all() and "flat" in treatments


def test_picture_far_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = tmp_path / "a.png"
    picture().save(path)
    with pytest.raises(Unusable, match="too large"):
        crop(path, None, 16, 3)
