import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from ruamel.yaml import YAML

from stages import pictures
from stages.crops.store import open_crops
from stages.drawn_faces import affectnet, write_affectnet
from stages.drawn_faces.expressions import CODES
from stages.ending import Mistake, in_one_line
from stages.params import Faces
from stages.reporting import activation, contact_sheet, process, wrong_labels
from stages.results.inputs import BadInput
from tests.stages.reporting.conftest import ROOT
from tests.stages.reporting.pixels import write_crops, write_features
from tests.stages.results.simulated import CLASSES

FEATURES = "runs/predictions/baseline/features.npz"
ARGUMENTS = {"crops": "data/crops", "features": FEATURES, "faces": "data/raw/faces", "out": "reports/pictures"}
ARGUMENTS |= {"params": "params.yaml"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Crops, features and the parameters of a data set that is not drawn, and no more."""
    root = tmp_path_factory.mktemp("pixels")
    write_crops(root / "data/crops")
    write_features(root / FEATURES)
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (root / "params.yaml").write_text(params.replace("dataset: faces", "dataset: fer2013"), encoding="utf-8")
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
    assert {path.stem for path in (folder / "reports/pictures-svg").iterdir()} == {
        name[:-4] for name in first if name[-3:] == "png"
    }
    assert json.loads(first["data.json"]) == json.loads((folder / "data/crops/summary.json").read_text())
    for name, inches in (("contact-sheet", 6.9), ("figure-01", 3.3), ("figure-02", 6.9)):
        (path,) = (folder / "reports/pictures").glob(f"{name}*")
        with Image.open(path) as image:
            assert image.width == pytest.approx(inches * 250, abs=1) and 250 < image.height < 1500, path
            assert len(np.unique(np.asarray(image.convert("L")))) > 20, f"{path} is empty"


def test_w_and_the_cliff_are_those_of_the_parameters(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    params["dynamic"] |= {"start": 0.25, "constant": 3.5}
    yaml.dump(params, tmp_path / "other.yaml")
    drawn = dict(pictures.pictures("data/crops", FEATURES, "data/raw/faces", tmp_path / "other.yaml"))
    said = drawn["figure-02-process-on-feature-maps.png"].get_label()
    assert "|w| = 0.25;" in said
    with np.load(FEATURES) as kept:
        shown = kept["channels"][process.most_signed(kept["bn"].astype(np.float32))]
    assert f"channel {shown} (from 0) of BatchNorm's output at layer1.0.bn1, of the run baseline/3" in said
    ticks = drawn["figure-01-relu-and-cliff-relu.png"].axes[1].get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["0", "Constant = 3.5"]


@pytest.mark.parametrize("missing", ["data/crops/summary.json", "data/crops/train/images.npy", FEATURES])
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
    two = np.ones((2, 3, 3), np.float16)
    where = {"run": np.array("baseline/0"), "site": np.array("bn1"), "channels": np.arange(2)}
    for line, arrays in (
        ("features.npz: not the arrays image, bn", {"image": image}),
        ("finite bn", {"image": image, "bn": two * np.nan}),
        ("2 channels named for 1 maps", {"image": image, "bn": two[:1]}),
        ("expected numbers, got uint8, float16 and <U1", {"image": image, "bn": two, "channels": np.array(["a", "b"])}),
        ("no negative value, so an in-place ReLU", {"image": image, "bn": two}),
    ):
        np.savez(path, **where | arrays)
        with pytest.raises(BadInput, match=line):
            list(process.figures(path, 0.01, 6.0))
    path.write_bytes(b"PK")
    with pytest.raises(BadInput, match="features.npz: not the arrays"):
        list(process.figures(path, 0.01, 6.0))


def test_contact_sheet_shows_images_of_the_class_it_names_and_marks_wrong_labels(tmp_path):
    write_crops(tmp_path, channels=1)
    crops = open_crops(tmp_path)
    rows = contact_sheet.examples(crops)
    assert [len(row) for row in rows] == [min(12, count) for count in crops.summary["counts"]["train"].values()]
    wrong = {rows[2][1].path: "Fear", "train/of-no-example.png": "Anger"}
    drawn = contact_sheet.draw(rows, CLASSES, wrong, 102)
    sheet = np.asarray(drawn.axes[0].images[0].get_array())
    step = crops.summary["size"] + contact_sheet.GAP
    for row, label in enumerate(CLASSES):
        tile = sheet[row * step :][: step - contact_sheet.GAP, : step - contact_sheet.GAP, 0]
        members = crops["train"].images[crops["train"].labels == CLASSES.index(label)]
        assert any(np.array_equal(tile, image[..., 0]) for image in members), label
    (frame,), (word,) = drawn.axes[0].patches, drawn.axes[0].texts
    x, y = frame.get_xy()
    assert (x // step, y // step) == (1, 2) and word.get_text() == "Fear"
    assert "Framed" in drawn.get_label() and "Framed" not in contact_sheet.draw(rows, CLASSES, None, 102).get_label()


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    settings = Faces(train=70, val=70, wrong_labels=0.3, seed=5)
    folder = tmp_path_factory.mktemp("faces") / "faces"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(affectnet, "_draw_all", lambda jobs, workers: [listed(*job) for job in jobs])
        write_affectnet(folder, **settings.model_dump())
    return folder, settings


def listed(order, images, number):
    """A row of the list whose name says what is shown, in place of the picture."""
    return f"{number}/{order.shown}-{order.seed.spawn_key[-1]}.jpg", 0, 0, 1, 1, "", CODES.index(order.said), 0, 0


def test_wrong_labels_are_those_of_the_pictures_drawn(faces):
    folder, settings = faces
    wrong = wrong_labels.drawn_as(folder, settings)
    rows = pd.read_csv(folder / "training.csv")
    named = rows["subDirectory_filePath"].str.extract(r"/(.*)-\d")[0]
    expected = named[named != rows["expression"].map(dict(enumerate(CODES)))]
    assert 5 < len(wrong) == len(expected)
    for number, shown in expected.items():
        assert wrong["Manually_Annotated_Images/" + rows["subDirectory_filePath"][number]] == shown.capitalize()


def test_a_list_of_other_parameters_is_refused(faces):
    folder, settings = faces
    with pytest.raises(BadInput, match=r"training.csv: not the list that `faces` of params.yaml makes"):
        wrong_labels.drawn_as(folder, settings.model_copy(update={"seed": 6}))
    with pytest.raises(BadInput, match=r"training.csv: missing"):
        wrong_labels.drawn_as(folder / "elsewhere", settings)
