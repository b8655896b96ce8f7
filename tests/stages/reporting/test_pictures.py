import json

import numpy as np
import pytest
import torch
from PIL import Image
from ruamel.yaml import YAML

from stages import pictures
from stages.crops.store import open_crops
from stages.ending import Mistake, in_one_line
from stages.reporting import activation, contact_sheet, process
from stages.results.inputs import BadInput
from tests.stages.reporting.conftest import ROOT
from tests.stages.reporting.pixels import write_crops, write_features
from tests.stages.results.simulated import CLASSES

ARGUMENTS = {"crops": "data/crops", "features": "runs/features.npz", "out": "reports/pictures", "params": "params.yaml"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Crops, features and the parameters, and no more."""
    root = tmp_path_factory.mktemp("pixels")
    write_crops(root / "data/crops")
    write_features(root / "runs/features.npz")
    (root / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return root


def test_the_stage_writes_exactly_this_twice_with_the_same_bytes(folder, monkeypatch):
    monkeypatch.chdir(folder)
    pictures.main(**ARGUMENTS)
    first = {path.name: path.read_bytes() for path in (folder / "reports/pictures").iterdir()}
    pictures.main(**ARGUMENTS)
    assert first == {path.name: path.read_bytes() for path in (folder / "reports/pictures").iterdir()}
    assert sorted(first) == [
        "contact-sheet.png",
        "data.json",
        "figure-01-relu-and-cliff-relu.png",
        "figure-02-process-on-feature-maps.png",
    ]
    assert json.loads(first["data.json"]) == json.loads((folder / "data/crops/summary.json").read_text())
    for name, inches in (("contact-sheet", 6.9), ("figure-01", 3.3), ("figure-02", 6.9)):
        (path,) = (folder / "reports/pictures").glob(f"{name}*")
        with Image.open(path) as image:
            assert image.width == pytest.approx(inches * 250, abs=1) and 250 < image.height < 1500, path
            assert len(np.unique(np.asarray(image.convert("L")))) > 20, f"{path} is empty"


def test_w_and_the_cliff_are_those_of_the_parameters(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["dynamic"] |= {"start": 0.25, "constant": 3.5}
    yaml.dump(params, tmp_path / "other.yaml")
    drawn = dict(pictures.pictures("data/crops", "runs/features.npz", tmp_path / "other.yaml"))
    texts = [text.get_text() for axes in drawn["figure-02-process-on-feature-maps.png"].axes for text in axes.texts]
    assert any("|w| = 0.25" in text for text in texts)
    ticks = drawn["figure-01-relu-and-cliff-relu.png"].axes[1].get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["0", "Constant = 3.5"]


@pytest.mark.parametrize("missing", ["data/crops/summary.json", "data/crops/train/images.npy", "runs/features.npz"])
def test_the_stage_stops_with_one_line(folder, monkeypatch, missing):
    monkeypatch.chdir(folder)
    content = (folder / missing).read_bytes()
    (folder / missing).unlink()
    try:
        with pytest.raises((Mistake, OSError)) as error:
            pictures.main(**ARGUMENTS)
    finally:
        (folder / missing).write_bytes(content)
    said = in_one_line(error.value)
    assert said and said.startswith(f"{missing}: ") and len(said.splitlines()) == 1


def test_cliff_relu_is_drawn_in_two_parts_that_end_at_the_constant():
    left, right = activation.draw(6.0).axes
    (_, *parts) = [line for line in right.lines if line.get_linestyle() == "-"]
    drawn = np.concatenate([np.transpose(line.get_data()) for line in right.lines if line.get_linestyle() == "-"])
    x, y = drawn[np.argsort(drawn[:, 0])].T
    assert len(parts) == 1 and y == pytest.approx(np.where((x > 0) & (x < 6), x, 0), abs=1e-5)  # Eq. 1
    assert np.asarray(left.lines[0].get_ydata()).max() == pytest.approx(9, abs=0.01)


def test_process_shows_that_a_negative_w_is_the_flipped_flag():
    x = torch.randn(9, 9, generator=torch.Generator().manual_seed(0))
    off, on, positive, negative = process.rows(x, w=0.25, constant=100.0)
    assert torch.equal(off.out, torch.relu(x)) and torch.equal(on.out, torch.relu(-x))
    assert torch.equal(positive.out, off.out) and torch.equal(negative.out, on.out)  # 0.25 is exact in binary
    assert torch.equal(negative.signed, -0.25 * x) and torch.equal(positive.cut, torch.relu(0.25 * x))


def test_damaged_features_are_named(tmp_path):
    path, image = tmp_path / "features.npz", np.zeros((4, 4, 3), np.uint8)
    for line, arrays in (
        ("features.npz: not the arrays image, bn", {"image": image}),
        ("finite bn", {"image": image, "bn": np.full((2, 3, 3), np.nan, np.float16)}),
        ("no negative value, so an in-place ReLU", {"image": image, "bn": np.ones((2, 3, 3), np.float16)}),
    ):
        np.savez(path, **arrays)
        with pytest.raises(BadInput, match=line):
            list(process.figures(path, 0.01, 6.0))
    path.write_bytes(b"PK")
    with pytest.raises(BadInput, match="features.npz: not the arrays"):
        list(process.figures(path, 0.01, 6.0))


def test_contact_sheet_shows_images_of_the_class_it_names(tmp_path):
    write_crops(tmp_path, channels=1)
    crops = open_crops(tmp_path)
    drawn = contact_sheet.draw(crops.examples("train", contact_sheet.ACROSS), CLASSES)
    sheet = np.asarray(drawn.axes[0].images[0].get_array())
    side = crops.summary["size"]
    for row, label in enumerate(CLASSES):
        tile = sheet[row * (side + contact_sheet.GAP) :][:side, :side, 0]
        members = crops["train"].images[crops["train"].labels == CLASSES.index(label)]
        assert any(np.array_equal(tile, image[..., 0]) for image in members), label
