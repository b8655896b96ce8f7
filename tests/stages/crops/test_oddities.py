"""Sets with odd names and odd pixels: what the tables and the summary make of them."""

import csv
import errno
import json
import os

import numpy as np
import pytest
from PIL import Image

from stages.crops import build as building
from stages.crops.description import describe
from stages.crops.store import CropsError, open_crops
from stages.crops.summary import legible
from stages.datasets.division import Division
from stages.datasets.sample import Sample

ABOUT = {"dataset": "made", "title": "Made", "size": 8, "channels": 3, "flip": True, "mean_std": None}
NOT_UTF8 = [b"Jos\xe9.png", b"\xff\xfe.png"]
NAMES = [*NOT_UTF8, "é ü.png".encode(), b"a,b;c\t'\"d.png", "右.png".encode(), b"new\nline.png"]


def build(root, target, pictures, about=ABOUT, **options):
    """A store of the pictures, {path: uint8 array or None}, each of the class and the split that its folder says."""
    samples, labels = {"train": [], "val": [], "test": []}, {}
    for path, pixels in pictures.items():
        split, name = path.split("/")[:2]
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"") if pixels is None else Image.fromarray(pixels).save(root / path, "PNG")
        samples[split].append(Sample(path, name, split))
    for split, of_split in samples.items():
        labels[split] = np.array([int(sample.label) for sample in of_split])
    division = Division(("0", "1"), samples, labels, [], [], notes=options.pop("notes", []))
    options = {"workers": 1, "scratch": target.parent / ".scratch", "fingerprint": {}} | options
    return building.build(division, root, target, about=about, **options)


def noise(seed, low=0, high=256):
    return np.random.default_rng(seed).integers(low, high, (8, 8, 3), dtype=np.uint8)


def three_splits(name="{i}.png", count=2, pixels=noise):
    paths = [
        f"{split}/{label}/" + name.format(i=i)
        for split in ("train", "val", "test")
        for label in (0, 1)
        for i in range(count)
    ]
    return {path: pixels(number) for number, path in enumerate(paths)}


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_bytes_pass_through(tmp_path, capsys, name):
    name = os.fsdecode(name)
    pictures = three_splits() | {f"train/0/{name}": noise(99), f"val/1/{name}": noise(99), f"train/1/{name}": None}
    root = tmp_path / os.fsdecode(b"se\xe9t")
    summary = build(root, tmp_path / "crops", pictures, notes=[f"found {name}"], max_failures=0.5)
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    assert f"train/0/{shown}" in [row["path"] for row in table(tmp_path / "crops/train/manifest.csv")]
    assert [row["path"] for row in table(tmp_path / "crops/left_out.csv")] == [f"train/1/{shown}"]
    assert [row["path"] for row in table(tmp_path / "crops/duplicates.csv")] == [f"train/0/{shown}", f"val/1/{shown}"]
    assert summary["notes"] == [f"found {shown}"] and f"note: found {shown}" in describe(summary)
    json.dumps(summary, ensure_ascii=False).encode()
    with pytest.raises(CropsError) as error:
        build(root, tmp_path / "crops", pictures, max_failures=0)
    str(error.value).encode()


def test_legible_keeps_what_is_text():
    for name in map(os.fsdecode, NAMES[2:]):
        assert legible(name) == name


def test_a_constant_channel_is_not_divided_by_zero(tmp_path):
    def without_blue(seed):
        return noise(seed) * np.array([1, 1, 0], np.uint8)

    summary = build(tmp_path / "set", tmp_path / "crops", three_splits(pixels=without_blue))
    assert summary["std"][2] == round(1 / 255, 6) and min(summary["std"][:2]) > 0.1
    assert any("no more than a grey level in a channel" in note for note in summary["notes"])
    crops = open_crops(tmp_path / "crops")
    seen = (np.asarray(crops["train"].images) / 255 - summary["mean"]) / summary["std"]
    assert np.isfinite(seen).all() and np.abs(seen).max() < 10


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_pictures_of_one_value_are_said(tmp_path, value, channels):
    def constant(seed):
        return np.full((8, 8, 3), value, np.uint8)

    about = ABOUT | {"channels": channels}
    summary = build(tmp_path / "set", tmp_path / "crops", three_splits(pixels=constant), about=about)
    assert summary["std"] == [round(1 / 255, 6)] * channels
    text = describe(summary)
    assert "note: every crop of train is of a single colour" in text and "no more than a grey level" in text
    crops = open_crops(tmp_path / "crops")  # black ones are no damage
    assert all(len(crops[split]) == 4 for split in crops.splits)


def test_flat_pictures_of_different_colours_are_said(tmp_path):
    def flat(seed):
        return np.broadcast_to(noise(seed)[:1, :1], (8, 8, 3)).copy()

    summary = build(tmp_path / "set", tmp_path / "crops", three_splits(pixels=flat))
    assert min(summary["std"]) > 0.1 and "every crop of train is of a single colour" in summary["notes"]
    assert not any("grey level" in note for note in summary["notes"])


def test_carved_splits_are_described_by_what_was_taken(tmp_path):
    summary = build(tmp_path / "set", tmp_path / "crops", three_splits()) | {"carved": {"val": 0.15}}
    assert "val: no such split was read; 4 pictures of train (50%), stratified" in describe(summary)


@pytest.mark.parametrize("where", ["rows", "journal", "numpy", "table"])
def test_a_full_disk_names_the_folder(tmp_path, monkeypatch, where):
    """Python's error of a full disk names no file, NumPy's has not even a number."""

    def full(*_, **__):
        if where == "numpy":
            raise OSError("1000 requested and 0 written")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    owner, name = {
        "rows": (building.RowsFile, "append"),
        "journal": (building.Journal, "add"),
        "numpy": (np, "save"),
        "table": (csv, "writer"),
    }[where]
    monkeypatch.setattr(owner, name, full)
    with pytest.raises(OSError, match="No space left|0 written") as error:
        build(tmp_path / "set", tmp_path / "crops", three_splits())
    assert str(tmp_path / ".scratch") in str(error.value.filename)
    monkeypatch.undo()
    build(tmp_path / "set", tmp_path / "crops", three_splits())
    assert len(open_crops(tmp_path / "crops")["train"]) == 4


def test_a_store_that_cannot_be_put_in_its_place_is_not_made_again(tmp_path, monkeypatch, capsys):
    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied", "crops")

    monkeypatch.setattr(building, "put_folder", refused)
    with pytest.raises(PermissionError):
        build(tmp_path / "set", tmp_path / "crops", three_splits())
    monkeypatch.undo()
    build(tmp_path / "set", tmp_path / "crops", three_splits())
    assert "continuing after 12 of 12" in capsys.readouterr().err
    assert not (tmp_path / "crops/journal.jsonl").exists() and not list((tmp_path / ".scratch").iterdir())


def test_a_disk_without_locks_is_said_and_the_work_goes_on(tmp_path, monkeypatch, capsys):
    import fcntl

    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    build(tmp_path / "set", tmp_path / "crops", three_splits())
    assert "no locks on the disk of" in capsys.readouterr().err
    assert len(open_crops(tmp_path / "crops")["train"]) == 4
