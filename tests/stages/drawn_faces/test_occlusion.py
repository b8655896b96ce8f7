import numpy as np
import pytest
from PIL import Image

from stages.drawn_faces import occlusion
from stages.drawn_faces.geometry import View, landmarks
from stages.drawn_faces.identity import sample_identity

SCALE = 50.0
POINTS = View(scale=SCALE, centre=(64.0, 60.0)).project(landmarks(sample_identity(np.random.default_rng(0)), {}))


@pytest.mark.parametrize("occluder", occlusion.OCCLUDERS)
def test_every_occluder_hides_a_part_of_the_face_but_not_all_of_it(occluder, monkeypatch):
    monkeypatch.setattr(occlusion, "OCCLUDERS", (occluder,))
    low, high = POINTS.min(axis=0).astype(int), POINTS.max(axis=0).astype(int)
    for seed in range(20):
        picture = Image.new("RGB", (128, 128), (1, 2, 3))
        occlusion.cover(picture, POINTS, SCALE, np.random.default_rng(seed))
        hidden = (np.asarray(picture) != (1, 2, 3)).any(axis=2)[low[1] : high[1], low[0] : high[0]].mean()
        assert 0.01 < hidden < 0.6
