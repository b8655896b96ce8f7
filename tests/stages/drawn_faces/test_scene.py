import io

import numpy as np
import pytest
from PIL import Image

from stages.drawn_faces.expressions import BASIC, CODES
from stages.drawn_faces.scene import take_snapshot


@pytest.fixture(scope="module")
def snapshots():
    return [take_snapshot(BASIC[seed % 7], np.random.default_rng(seed)) for seed in range(70)]


def test_equal_generators_give_equal_bytes_and_others_do_not():
    one, same, other = (take_snapshot("anger", np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert one.jpeg == same.jpeg and one.box == same.box
    assert one.jpeg != other.jpeg


@pytest.mark.parametrize("expression", CODES)
def test_snapshot_is_a_colour_jpeg_of_the_stated_size(expression):
    snapshot = take_snapshot(expression, np.random.default_rng(3))
    picture = Image.open(io.BytesIO(snapshot.jpeg))
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", snapshot.size)
    assert all(96 <= side <= 146 for side in snapshot.size)


def test_boxes_are_square_and_hold_the_face(snapshots):
    for snapshot in snapshots:
        x, y, width, height = snapshot.box
        assert width == height
        low, high = snapshot.points.min(axis=0), snapshot.points.max(axis=0)
        # Detectors miss by some hundredths, so a chin or an ear may stick out.
        sticking_out = np.maximum((x, y) - low, high - (x + width, y + height)).max()
        assert sticking_out < 0.1 * width
        assert 0.75 < (high - low).max() / width < 1.05


def test_faces_lie_somewhere_in_larger_pictures_and_few_reach_outside(snapshots):
    shares = [snapshot.box[2] ** 2 / (snapshot.size[0] * snapshot.size[1]) for snapshot in snapshots]
    assert max(shares) < 0.9 and np.ptp(shares) > 0.2
    outside = [
        min(s.box[:2]) < 0 or s.box[0] + s.box[2] > s.size[0] or s.box[1] + s.box[3] > s.size[1] for s in snapshots
    ]
    assert 0 < np.mean(outside) < 0.2


def test_pictures_of_no_face_have_no_face(snapshots):
    """The false alarm's landmarks lie on nothing: the eyes are no darker than what surrounds them, on average."""

    def contrast(snapshot):
        grey = np.asarray(Image.open(io.BytesIO(snapshot.jpeg)).convert("L"), float)
        x, y = np.clip(snapshot.points[[37, 38, 43, 44]].round().astype(int).T, 0, np.array(snapshot.size)[:, None] - 1)
        cx, cy = np.clip(snapshot.points[[29, 2, 14]].round().astype(int).T, 0, np.array(snapshot.size)[:, None] - 1)
        return grey[cy, cx].mean() - grey[y, x].mean()

    faces = np.mean([contrast(snapshot) for snapshot in snapshots])
    empty = np.mean([contrast(take_snapshot("no-face", np.random.default_rng(seed))) for seed in range(70)])
    assert faces > 15
    assert abs(empty) < 8
