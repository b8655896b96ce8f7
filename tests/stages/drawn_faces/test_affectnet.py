import csv
import hashlib

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from stages.drawn_faces import affectnet
from stages.drawn_faces.affectnet import AFFECTNET_TRAINING, class_counts, plan, write_affectnet
from stages.drawn_faces.expressions import BASIC

PUBLISHED = [
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
]


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "faces"
    counts = write_affectnet(folder, train=60, val=40, wrong_labels=0.3, seed=1, workers=2)
    return folder, counts


def read(folder):
    train = pd.read_csv(folder / "training.csv")
    return train, pd.read_csv(folder / "validation.csv", header=None, names=PUBLISHED)


def test_bytes_do_not_depend_on_the_number_of_workers(faces, tmp_path):
    write_affectnet(tmp_path / "faces", train=60, val=40, wrong_labels=0.3, seed=1, workers=1)
    assert contents(tmp_path / "faces") == contents(faces[0])


def test_lists_have_the_published_columns_and_name_every_picture_once(faces):
    folder, _ = faces
    train, val = read(folder)
    assert list(train.columns) == PUBLISHED
    assert (len(train), len(val)) == (60, 40)
    named = [*train["subDirectory_filePath"], *val["subDirectory_filePath"]]
    there = [path.relative_to(folder / "Manually_Annotated_Images").as_posix() for path in folder.rglob("*.jpg")]
    assert sorted(named) == sorted(there)
    pictures = {name: (folder / "Manually_Annotated_Images" / name).read_bytes() for name in named}
    assert all(name.split("/")[1] == hashlib.sha224(picture).hexdigest() + ".jpg" for name, picture in pictures.items())


def test_cells_are_what_affectnet_has(faces):
    table = pd.concat(read(faces[0]))
    assert (
        table[["face_x", "face_y", "face_width", "face_height", "expression"]]
        .dtypes.map(lambda kind: kind.kind)
        .eq("i")
        .all()
    )
    assert table["expression"].between(0, 10).all()
    assert all(len(cell.split(";")) == 136 for cell in table["facial_landmarks"])
    judged = table["expression"] < 9
    assert table.loc[judged, ["valence", "arousal"]].abs().max().max() <= 1
    assert (table.loc[~judged, ["valence", "arousal"]] == -2).all(axis=None)


def test_reported_counts_are_those_of_the_lists(faces):
    folder, counts = faces
    for table, split in zip(read(folder), ("training", "validation")):
        codes = table["expression"].value_counts()
        assert {affectnet.CODES[code]: count for code, count in codes.items()} == counts[split]


def test_training_follows_the_root_of_affectnets_imbalance():
    counts = class_counts(2400, balanced=False)
    assert sum(counts.values()) == 2400
    assert min(counts[name] for name in BASIC) == counts["disgust"] > 100
    for name in BASIC:
        expected = (AFFECTNET_TRAINING[name] / AFFECTNET_TRAINING["disgust"]) ** 0.5
        assert counts[name] / counts["disgust"] == pytest.approx(expected, rel=0.02)
    assert [counts[name] for name in affectnet.CODES[7:]] == [12] * 4


@pytest.mark.parametrize("total", [70, 71, 77, 560, 1000])
def test_validation_is_balanced(total):
    counts = class_counts(total, balanced=True)
    basic = [counts[name] for name in BASIC]
    assert sum(counts.values()) == total
    assert max(basic) - min(basic) <= 1
    assert sum(basic) == pytest.approx(0.98 * total, abs=3)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_wrong_labels_have_the_stated_share_and_spread_evenly(share):
    orders = [order for order in plan(3000, share, np.random.SeedSequence(7), balanced=False) if order.shown in BASIC]
    wrong = [order for order in orders if order.said != order.shown]
    low, high = binom.interval(0.9999, len(orders), share) if share else (0, 0)
    assert low <= len(wrong) <= high
    assert all(order.said in BASIC for order in wrong)
    if share:
        neutral = [order.said for order in wrong if order.shown == "neutral"]
        for other in BASIC[1:]:
            low, high = binom.interval(0.9999, len(neutral), 1 / 6)
            assert low <= neutral.count(other) <= high


def test_rare_codes_and_validation_keep_their_labels(faces):
    orders = plan(3000, 0.9, np.random.SeedSequence(7), balanced=False)
    assert all(order.said == order.shown for order in orders if order.shown not in BASIC)
    _, counts = faces
    assert counts["validation"] == {name: count for name, count in class_counts(40, balanced=True).items() if count}


def test_wrong_labels_change_labels_only_and_more_of_them_include_the_fewer():
    """So that a sweep over their share compares the same pictures."""
    clean, some, more = (plan(300, share, np.random.SeedSequence(3), balanced=False) for share in (0.0, 0.2, 0.4))
    assert (
        [(o.shown, o.seed.spawn_key) for o in clean]
        == [(o.shown, o.seed.spawn_key) for o in some]
        == [(o.shown, o.seed.spawn_key) for o in more]
    )
    fewer = [i for i, order in enumerate(some) if order.said != order.shown]
    assert 0 < len(fewer) < sum(order.said != order.shown for order in more)
    assert all(more[i].said == some[i].said for i in fewer)


def _fail(jobs, workers):
    raise OSError("disk full")


def test_an_old_set_is_replaced_whole_and_kept_when_drawing_fails(tmp_path, monkeypatch):
    folder = tmp_path / "faces"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(affectnet, "_draw_all", _fail)
        with pytest.raises(OSError, match="disk full"):
            write_affectnet(folder, train=70, val=70, wrong_labels=0.0, seed=0)
    assert contents(folder) == {"old.txt": b"old"}
    row = ["1/a.jpg", 0, 0, 1, 1, "0;0", 0, 0.0, 0.0]
    monkeypatch.setattr(affectnet, "_draw_all", lambda jobs, workers: [row] * len(jobs))
    write_affectnet(folder, train=70, val=70, wrong_labels=0.0, seed=0)
    assert set(contents(folder)) == {"training.csv", "validation.csv"}
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]
    assert len(list(csv.reader(open(folder / "training.csv")))) == 71
