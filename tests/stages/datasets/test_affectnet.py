"""AffectNet's release of 2017, on trees in the published layout, and as people have them."""

import csv
import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.datasets.trees import problems, read, refusal, touch

HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"


# The official codes, as the release notes list them.
CODES = {0: "Neutral", 1: "Happiness", 2: "Sadness", 3: "Surprise", 4: "Fear", 5: "Disgust", 6: "Anger", 7: "Contempt"}
LISTS = "Manually_Annotated_file_lists"
LANDMARKS = ";".join(f"{i}.5" for i in range(136))
few = settings(deadline=None, max_examples=30, derandomize=True, database=None)


def write_2017(root, lists="Manually_Annotated_file_lists", header=True, images="Manually_Annotated_Images"):
    rows = [f"103/a{code}.jpg,10,20,100,110,{LANDMARKS},{code},0.5,-0.25" for code in range(11)]
    dirt = [
        f"103/n.JPG,NULL,NULL,NULL,NULL,{LANDMARKS},1,0.1,0.2",
        f"103/u.jpg,1,2,3,4,{LANDMARKS},11,0.1,0.2",
        f"103/v.png,1,2,3,4,{LANDMARKS},NULL,0.1,0.2",
        f"103/w.bmp,-5,-6,30,40,{LANDMARKS},3,-2,-2",
        "103/short.jpg,1,2",
        f"103/gone.jpg,1,2,30,40,{LANDMARKS},3,0.1,0.2",
    ]
    for name in (*(f"a{code}.jpg" for code in range(11)), "n.JPG", "u.jpg", "v.png", "w.bmp"):
        touch(root / images / "103" / name)
    (root / lists).mkdir(parents=True, exist_ok=True)
    (root / lists / "training.csv").write_text("\n".join(([HEADER] if header else []) + rows + dirt) + "\n")
    (root / lists / "validation.csv").write_text("\n".join(rows[:7]) + "\n")
    return root


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("lists", ["Manually_Annotated_file_lists", "."])
def test_2017_manual(tmp_path, header, lists):
    samples, notes = read("affectnet2017", write_2017(tmp_path, lists, header))
    train, val = ([s for s in samples if s.split == split] for split in ("train", "val"))
    assert len(train) == 17 and len(val) == 7 and notes == []
    for code, sample in enumerate(train[:8]):
        assert (sample.path, sample.label) == (f"Manually_Annotated_Images/103/a{code}.jpg", CODES[code])
        assert sample.box == (10, 20, 100, 110) and sample.affect == (0.5, -0.25) and sample.problem is None
    assert [s.label for s in train[8:11]] == ["None", "Uncertain", "No-Face"]
    null, unknown, no_code, outside, short, gone = train[11:]
    assert (null.problem, null.box) == ("box is NULL", None)
    assert unknown.problem == no_code.problem == "unknown label code"
    assert outside.box == (-5, -6, 30, 40) and all(map(math.isnan, outside.affect)) and outside.problem is None
    assert short.problem == "row too short" and short.path.startswith("training.csv#")
    assert (gone.problem, gone.path) == ("missing", "Manually_Annotated_Images/103/gone.jpg")
    assert [s.label for s in val] == list(CODES.values())[:7]


NAMES = HEADER.split(",")


@given(
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
    order=st.permutations(range(len(NAMES))),
    index=st.booleans(),
    path=st.sampled_from(["{}", "./{}", "Manually_Annotated_Images/{}", "/data/x/../Manually_Annotated_Images/{}"]),
    change=st.sampled_from([str, str.upper, lambda path: path.replace("/", "\\")]),
    code=st.sampled_from(["{}", "{}.0", " {}"]),
)
@few
def test_2017_in_any_dialect(tmp_path_factory, delimiter, encoding, end, order, index, path, change, code):
    root = tmp_path_factory.mktemp("affectnet")
    write_2017(root)
    below = change("103/") + "a{}.jpg"
    if path.startswith("/"):
        path = f"{root}/{path.removeprefix('/data/x/../')}"
    rows = [NAMES]
    for i in range(8):
        rows.append([path.format(below.format(i)), 10, 20, 100, 110, LANDMARKS, code.format(i), 0.5, -0.25])
    if change is str.upper:
        for i in range(8):
            (root / f"Manually_Annotated_Images/103/a{i}.jpg").rename(root / f"Manually_Annotated_Images/103/a{i}.JPG")
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end)
    for number, row in enumerate(rows):
        writer.writerow(([number - 1 if number else ""] if index else []) + [row[place] for place in order])
    (root / "Manually_Annotated_file_lists/training.csv").write_bytes(buffer.getvalue().encode(encoding))
    samples, _ = read("affectnet2017", root)
    train = [sample for sample in samples if sample.split == "train"]
    assert [s.label for s in train] == list(CODES.values()) and problems(train) == {}
    assert {s.box for s in train} == {(10, 20, 100, 110)} and {s.affect for s in train} == {(0.5, -0.25)}
    assert all((root / s.path).is_file() for s in train)


@pytest.mark.parametrize(
    ("images", "lists"),
    [
        ("AffectNet/Manually_Annotated_Images", "AffectNet/Manually_Annotated_file_lists"),
        ("Manually_Annotated/Manually_Annotated/Manually_Annotated_Images", f"{LISTS}/{LISTS}"),
        ("Manually_Annotated_Images/Manually_Annotated_Images", "lists/training.csv"),
        ("manually_annotated_images", "MANUALLY_ANNOTATED_FILE_LISTS"),
    ],
)  # fmt: skip
def test_2017_wherever_it_lies(tmp_path, images, lists):
    samples, notes = read("affectnet2017", write_2017(tmp_path, lists, images=images))
    assert samples[0].path == f"{images}/103/a0.jpg" and (tmp_path / samples[0].path).is_file()
    assert len(samples) == 24 and notes == []


def test_2017_own_lists_beside_the_official_ones(tmp_path):
    write_2017(tmp_path)
    for name in ("training.csv", "validation.csv"):
        touch(tmp_path / "7class" / name, f"{HEADER}\n".encode())
    samples, notes = read("affectnet2017", tmp_path)
    assert len(samples) == 24
    assert notes == [
        f"read Manually_Annotated_file_lists/{name}, not 7class/{name}" for name in ("training.csv", "validation.csv")
    ]
    write_2017(tmp_path, "a")
    write_2017(tmp_path, "b")
    for path in (tmp_path / "Manually_Annotated_file_lists").iterdir():
        path.unlink()
    assert "7class/training.csv and a/training.csv and b/training.csv fit equally" in refusal("affectnet2017", tmp_path)


def test_2017_lists_that_hold_nothing_are_refused(tmp_path):
    write_2017(tmp_path)
    for content in ("", HEADER, f"{HEADER}\n\n"):
        (tmp_path / "Manually_Annotated_file_lists/validation.csv").write_text(content)
        line = refusal("affectnet2017", tmp_path)
        assert "validation.csv: the file is empty" in line or "validation.csv lists no picture" in line


def test_2017_columns_that_are_not_read_are_said(tmp_path):
    write_2017(tmp_path)
    table = tmp_path / "Manually_Annotated_file_lists/validation.csv"
    table.write_text(f"{HEADER},age,split\n103/a1.jpg,1,2,30,30,{LANDMARKS},1,0,0,30,test\n")
    _, notes = read("affectnet2017", tmp_path)
    assert notes == ["the columns age, split of Manually_Annotated_file_lists/validation.csv are not read"]


def test_2017_automatic_takes_the_manual_validation_list(tmp_path):
    write_2017(tmp_path)
    touch(tmp_path / "Automatically_Annotated_Images/7/x.jpg")
    (tmp_path / "Automatically_annotated_file_list").mkdir()
    table = tmp_path / "Automatically_annotated_file_list/automatically_annotated.csv"
    table.write_text(f"{HEADER}\n7/x.jpg,1,2,30,30,{LANDMARKS},6,0,0\n")
    samples, _ = read("affectnet2017-automatic", tmp_path)
    assert samples[0].path == "Automatically_Annotated_Images/7/x.jpg" and samples[0].label == "Anger"
    assert [s.split for s in samples] == ["train"] + ["val"] * 7
    (tmp_path / "Manually_Annotated_Images").rename(tmp_path / "elsewhere")
    samples, notes = read("affectnet2017-automatic", tmp_path)
    assert len(samples) == 1
    assert notes == [
        f"{LISTS}/validation.csv is not read: there is no folder Manually_Annotated_Images with its pictures"
    ]
    (tmp_path / "Manually_Annotated_file_lists/validation.csv").unlink()
    samples, notes = read("affectnet2017-automatic", tmp_path)
    assert len(samples) == 1 and notes == []


def test_2017_wrong_places_are_named(tmp_path):
    assert "no training.csv in" in refusal("affectnet2017", tmp_path)
    (tmp_path / "training.csv").write_text(HEADER)
    assert "no validation.csv in" in refusal("affectnet2017", tmp_path)
    (tmp_path / "validation.csv").write_text("")
    assert "no folder Manually_Annotated_Images in" in refusal("affectnet2017", tmp_path)
    (tmp_path / "Manually_Annotated_Images").mkdir()
    (tmp_path / "training.csv").write_text("subDirectory_filePath,expression\n")
    assert "training.csv: no column face_x, face_y, face_width, face_height" in refusal("affectnet2017", tmp_path)
    assert "no automatically_annotated.csv in" in refusal("affectnet2017-automatic", tmp_path)
