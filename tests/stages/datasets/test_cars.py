"""Stanford Cars, against torchvision's own class, and as people have them."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from tests.stages.datasets.trees import counts, problems, read, refusal

CLASSES = ["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Acura TL Sedan 2012"]
CODES = (3, 1, 2)
LABELLED = "cars_test_annos_withlabels.mat"
BOX = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")


def annotations(codes=CODES, labels=True, folder=""):
    record = [(name, np.dtype(object)) for name in (*BOX, *(["class"] if labels else []), "fname")]
    rows = [(1, 2, 3, 4, *([code] if labels else []), f"{folder}{place:05}.jpg") for place, code in enumerate(codes)]
    return {"annotations": np.array(rows, dtype=record)}


def write(base, train="cars_train", test="cars_test", devkit="devkit", labelled="", **kwargs):
    for folder in (train, test, devkit, labelled):
        (base / folder).mkdir(parents=True, exist_ok=True)
    for folder in (train, test):
        for place in range(len(CODES)):
            Image.new("RGB", (6, 4)).save(base / folder / f"{place:05}.jpg")
    savemat(base / devkit / "cars_meta.mat", {"class_names": np.array(CLASSES, dtype=object)})
    savemat(base / devkit / "cars_train_annos.mat", annotations())
    savemat(base / labelled / LABELLED, annotations(**kwargs))
    return base


def test_equals_torchvision(tmp_path):
    from torchvision.datasets import StanfordCars

    write(tmp_path / "stanford_cars")
    samples, notes = read("cars", tmp_path)
    for split in ("train", "test"):
        theirs = StanfordCars(tmp_path, split=split)
        assert [(str(tmp_path / s.path), s.label) for s in samples if s.split == split] == [
            (path, theirs.classes[code]) for path, code in theirs._samples
        ]
    assert len(samples) == 6 and {s.box for s in samples} == {None} and notes == []


@pytest.mark.parametrize(
    ("below", "places"),
    [
        ("", {}),
        ("archive/stanford_cars", {}),
        ("", {"train": "cars_train/cars_train", "test": "cars_test/cars_test", "devkit": "car_devkit/devkit"}),
        ("", {"labelled": "devkit"}),
    ],
)
@pytest.mark.parametrize("folder", ["", "cars_test/", "C:\\cars\\"])
def test_wherever_it_lies(tmp_path, below, places, folder):
    samples, notes = read("cars", write(tmp_path / below, folder=folder, **places))
    each = {(split, name): 1 for split in ("train", "test") for name in CLASSES}
    assert counts(samples) == each and problems(samples) == {} and notes == []
    assert all((tmp_path / below / sample.path).is_file() for sample in samples)


def test_without_labels_of_the_test_pictures(tmp_path):
    write(tmp_path, labels=False)
    samples, notes = read("cars", tmp_path)
    assert counts(samples) == {("train", name): 1 for name in CLASSES}
    assert len(notes) == 1 and f"{LABELLED} has no column class, and cars_test is not read" in notes[0]
    (tmp_path / LABELLED).unlink()
    savemat(tmp_path / "devkit/cars_test_annos.mat", annotations(labels=False))
    _, (note,) = read("cars", tmp_path)
    assert "devkit/cars_test_annos.mat has no column class" in note
    (tmp_path / "devkit/cars_test_annos.mat").unlink()
    _, (note,) = read("cars", tmp_path)
    assert f"no {LABELLED}, and cars_test is not read: the test split is taken out of the training pictures" in note


def test_codes_and_pictures_that_are_not_there(tmp_path):
    write(tmp_path, codes=(0, 4, 1, 2))
    samples, _ = read("cars", tmp_path)
    assert [s.problem for s in samples[3:]] == ["unknown label code", "unknown label code", None, "missing"]


WHOLE = b"MATLAB 5.0 MAT-file"


@pytest.mark.parametrize("name", [LABELLED, "devkit/cars_train_annos.mat", "devkit/cars_meta.mat"])
@pytest.mark.parametrize("damage", ["html", "empty", "cut", "header", "zeros", "other", "7.3"])
def test_damaged_files_are_named(tmp_path, name, damage):
    path = write(tmp_path) / name
    content = path.read_bytes()
    if damage == "other":
        savemat(path, {"something": [1, 2]})
    else:
        path.write_bytes(
            {
                "html": b"<!DOCTYPE html><html>404 Not Found</html>" * 20,
                "empty": b"",
                "cut": content[: len(content) // 2],
                "header": content[:128],
                "zeros": content[:200] + bytes(len(content) - 200),
                "7.3": content[:124] + b"\0\2IM" + content[128:],
            }[damage]
        )
    line = refusal("cars", tmp_path)
    assert f"{path} is no MATLAB file that holds" in line and "get it anew" in line


def test_annotations_of_no_picture_are_refused(tmp_path):
    write(tmp_path, codes=())
    assert "its annotations name no pictures" in refusal("cars", tmp_path)


def test_flipped_bytes_end_in_one_line_or_in_samples(tmp_path):
    path = write(tmp_path) / "devkit/cars_train_annos.mat"
    content = path.read_bytes()
    for place in range(128, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            samples, _ = read("cars", tmp_path)
        except Exception as error:
            assert type(error).__name__ == "DataSetError" and "\n" not in str(error)
        else:
            assert all(sample.label in CLASSES or sample.problem for sample in samples)


def test_wrong_places_are_named(tmp_path):
    assert "no cars_meta.mat, of the devkit, in" in refusal("cars", tmp_path)
    write(tmp_path)
    for picture in (tmp_path / "cars_test").iterdir():
        picture.unlink()
    (tmp_path / "cars_test").rmdir()
    assert "no folder cars_test in" in refusal("cars", tmp_path)
