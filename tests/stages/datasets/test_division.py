"""Splits, classes and limits."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets import SETS, DataSetError, Note, Sample, choose_classes
from stages.datasets.division import divide

FER = SETS["fer2013"]


def samples(counts, split, **more):
    """counts is {class: n}."""
    return [
        Sample(f"{split}/{name}/{i}.jpg", name, split, **more) for name, count in counts.items() for i in range(count)
    ]


def full(split, scale=1):
    return samples({name: scale * (i + 2) for i, name in enumerate(FER.classes)}, split)


def paths(division, split):
    return [sample.path for sample in division.samples[split]]


def test_official_splits_stay_as_they_are():
    everything = full("train", 10) + full("val") + full("test")
    division = divide(FER, everything, "root")
    for split in ("train", "val", "test"):
        expected = [s for s in everything if s.split == split]
        assert paths(division, split) == [s.path for s in expected]
        assert division.labels[split].tolist() == [FER.classes.index(s.label) for s in expected]
    assert division.carved == {} and division.unusable == division.not_chosen == []


@pytest.mark.parametrize("missing", [("test",), ("val",), ("val", "test")])
def test_missing_splits_are_carved_stratified_and_reproducibly(missing):
    everything = [
        s
        for split in ("train", "val", "test")
        if split not in missing
        for s in full(split, 100 if split == "train" else 1)
    ]
    division = divide(FER, everything, "root", test_share=0.2)
    assert division.carved == dict.fromkeys(sorted(missing), 0.2) or set(division.carved) == set(missing)
    total = Counter(s.label for s in everything if s.split == "train")
    for split in missing:
        for label, name in enumerate(FER.classes):
            assert abs((division.labels[split] == label).sum() - 0.2 * total[name]) <= 1
    taken = [path for split in ("train", *missing) for path in paths(division, split)]
    order = [s.path for s in everything]
    assert sorted(taken) == sorted(s.path for s in everything if s.split == "train")
    assert all(paths(division, split) == sorted(paths(division, split), key=order.index) for split in division.samples)
    again = divide(FER, everything, "root", test_share=0.2)
    assert all(paths(again, split) == paths(division, split) for split in ("train", "val", "test"))


def test_people_stand_in_one_split_only():
    ck = SETS["ckplus"]
    generator = np.random.default_rng(0)
    frames = []
    for subject in range(60):
        for name in generator.choice(ck.subsets[7], 3, replace=False):
            frames += [
                Sample(f"S{subject:03}_{name}_{i}.png", str(name), None, subject=f"S{subject:03}") for i in range(3)
            ]
    division = divide(ck, frames, "root", test_share=0.2)
    people = {split: {s.subject for s in division.samples[split]} for split in ("train", "val", "test")}
    assert (
        not people["train"] & people["val"]
        and not people["train"] & people["test"]
        and not people["val"] & people["test"]
    )
    for split in ("val", "test"):
        assert 0.1 < len(division.samples[split]) / len(frames) < 0.3
    assert division.classes == ("Anger", "Contempt", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")


def test_limit_keeps_the_shares_of_classes_and_touches_train_only():
    everything = full("train", 100) + full("val") + full("test")
    division = divide(FER, everything, "root", limit=350)
    assert np.bincount(division.labels["train"]).tolist() == [round(350 * (i + 2) / 35) for i in range(7)]
    assert len(paths(division, "val")) == 35
    assert len(division.not_chosen) == 3500 - 350 and {reason for *_, reason in division.not_chosen} == {
        "beyond the limit"
    }
    assert paths(division, "train") == sorted(paths(division, "train"), key=[s.path for s in everything].index)
    with pytest.raises(DataSetError, match="^data.limit: 3 leaves some of 7 classes without .*; it must be 7 or more"):
        divide(FER, everything, "root", limit=3)


@pytest.mark.parametrize("limit", [None, 7, 8, 342, 343, 344, 349, 350, 351, 10**6])
def test_limit_is_the_number_of_training_pictures(limit):
    """To the picture, also where fewer are left out than there are classes."""
    everything = full("train", 10) + full("val") + full("test")
    division = divide(FER, everything, "root", limit=limit)
    expected = 350 if limit is None else min(limit, 350)
    shares = np.bincount(division.labels["train"], minlength=7) - expected * np.arange(2, 9) / 35
    assert (np.bincount(division.labels["train"], minlength=7) > 0).all() and (expected < 70 or abs(shares).max() <= 1)
    assert len(paths(division, "train")) == len(division.labels["train"]) == expected
    left = [path for _, path, reason in division.not_chosen if reason == "beyond the limit"]
    assert sorted(paths(division, "train") + left) == sorted(s.path for s in everything if s.split == "train")
    assert len(division.not_chosen) == 350 - expected


def test_problems_and_classes_not_chosen_are_told_apart():
    affectnet = SETS["affectnet2017"]
    everything = [
        s
        for split in ("train", "val", "test")
        for s in samples(dict.fromkeys((*affectnet.classes, "No-Face"), 2), split)
    ]
    everything[0].problem = "box is NULL"
    division = divide(affectnet, everything, "root", classes=7)
    assert division.unusable == [("train", "train/Neutral/0.jpg", "box is NULL")]
    assert Counter(reason for *_, reason in division.not_chosen) == {"class Contempt": 6, "class No-Face": 6}


@pytest.mark.parametrize(
    "name, wanted, expected",
    [
        ("affectnet2021", 7, ("Neutral", "Happiness", "Sadness", "Surprise", "Fear", "Disgust", "Anger")),
        ("affectnet2021", 8, ("Neutral", "Happiness", "Sadness", "Surprise", "Fear", "Disgust", "Anger", "Contempt")),
        ("affectnet2021", ["Fear", "Anger"], ("Fear", "Anger")),
        ("affectnet2017", ["Fear", "No-Face"], ("Fear", "No-Face")),
        ("ckplus", 8, ("Neutral", "Anger", "Contempt", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")),
        ("fer2013", "all", ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Neutral")),
        ("cifar10", 7, SETS["cifar10"].classes),
        ("folders", 7, ("a", "b", "c")),
        ("folders", ["c", "a"], ("c", "a")),
    ],
)
def test_classes(name, wanted, expected):
    found = {"folders": {"b", "c", "a"}, "affectnet2017": {"No-Face"}}.get(name, set())
    assert choose_classes(SETS[name], wanted, found) == expected


def test_wrong_classes_are_named():
    with pytest.raises(DataSetError, match=r"FER2013 has no class 'Joy' \(data.classes\); it has Anger, Disgust"):
        choose_classes(FER, ["Joy", "Anger"], set())
    with pytest.raises(DataSetError, match="names a class twice"):
        choose_classes(FER, ["Anger", "Anger"], set())


def test_soft_labels_are_renormalised_over_the_chosen_classes():
    plus = SETS["ferplus"]
    soft = (0.5, 0, 0, 0, 0, 0, 0.25, 0.25)
    everything = [
        s for split in ("train", "val", "test") for s in samples(dict.fromkeys(plus.classes, 1), split, soft=soft)
    ]
    division = divide(plus, everything, "root", classes=["Fear", "Neutral"], soft_labels=True)
    np.testing.assert_allclose(division.samples["val"][0].soft, (1 / 3, 2 / 3))
    assert divide(plus, everything, "root", classes=["Fear", "Neutral"]).samples["val"][0].soft is None


def test_empty_splits_and_classes_are_named():
    with pytest.raises(DataSetError, match="no usable picture in root: missing .2, such as a.; expected fer2013.csv"):
        divide(FER, [Sample("a", None, "train", problem="missing")] * 2, "root")
    with pytest.raises(DataSetError, match="no train split in root; expected fer2013.csv"):
        divide(FER, full("val") + full("test"), "root")
    with pytest.raises(DataSetError, match="no test split in root; data.test_share above 0 carves one out of train"):
        divide(FER, full("train") + full("val"), "root", test_share=0)
    with pytest.raises(DataSetError, match="no picture of class Fear in the val split of root: .* in data.classes"):
        divide(FER, full("train") + [s for s in full("val") if s.label != "Fear"] + full("test"), "root")


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("spoilt", [{"problem": "missing"}, {"label": "Joy"}])
def test_a_split_of_which_nothing_can_be_used_is_not_carved_anew(split, spoilt):
    everything = full("train", 10) + full("val") + full("test")
    for sample in everything:
        if sample.split == split:
            vars_of = {"problem": None, "label": sample.label} | spoilt
            sample.problem, sample.label = vars_of["problem"], vars_of["label"]
    reason = spoilt.get("problem", "class Joy")
    with pytest.raises(DataSetError, match=f"no usable picture in the {split} split of root: {reason} .35, such as"):
        divide(FER, everything, "root")


def any_set(counts, split=None, **more):
    return samples(counts, split, **more), SETS["folders"]


@settings(deadline=None, max_examples=40, derandomize=True, database=None)
@given(
    st.lists(st.integers(1, 30), min_size=2, max_size=8),
    st.floats(0.01, 0.85),
    st.sets(st.sampled_from(["val", "test"])),
)
def test_what_is_carved_has_all_classes_or_the_line_says_what_would_do(counts, share, own):
    """The parameter that the refusal names is tried: it must do."""
    counts = {f"c{i}": count for i, count in enumerate(counts)}
    everything, folders = any_set(counts)
    everything += [s for split in own for s in samples(dict.fromkeys(counts, 2), split)]
    total, carved = sum(counts.values()), {"val", "test"} - own

    def divided(share):
        division = divide(folders, [replace(s) for s in everything], "root", test_share=share)
        for split in ("train", "val", "test"):
            assert set(division.labels[split]) == set(range(len(counts)))
        for split in carved:
            assert len(division.samples[split]) == round(share * total)
        taken = sorted(s.path for split in ("train", *carved) for s in division.samples[split])
        assert taken == sorted(s.path for s in everything if s.split is None)

    try:
        divided(share)
    except DataSetError as error:
        line = str(error)
        assert "data.test_share" in line and "\n" not in line
        few = [name for name, count in counts.items() if count <= len(carved)]
        if few:
            assert f"class {few[0]}, which has {counts[few[0]]} (None/{few[0]}/0.jpg" in line and "data.classes" in line
        elif named := re.search(r"data.test_share: ([\d.]+) would do", line):
            divided(float(named[1]))
        else:
            assert "fewer classes (data.classes) may do" in line


def test_a_class_of_two_persons_cannot_be_carved_twice():
    everything = [
        Sample(f"{person}/{name}{i}.jpg", name, None, subject=f"p{person}")
        for person in range(20) for name in "ab" for i in range(4) if name == "a" or person < 2
    ]  # fmt: skip
    with pytest.raises(DataSetError, match=r"no test and no val split.* class b, which has 2 persons \(0/b0.jpg, "):
        divide(SETS["folders"], everything, "root")


def test_pictures_without_a_person_are_said():
    everything = samples({"a": 20, "b": 20}, None, subject="p") + samples({"a": 1}, "train")
    (note,) = divide(SETS["folders"], everything, "root").notes
    assert note == "1 of 41 pictures name no person: the splits are carved without persons"


def test_notes_are_kept_once():
    everything = [Note("one"), *full("train", 10), Note("two"), *full("val"), Note("one"), *full("test")]
    assert divide(FER, everything, "root").notes == ["one", "two"]


def test_one_class_is_no_set():
    with pytest.raises(DataSetError, match="one class only, 'a', in root"):
        divide(SETS["csv"], samples({"a": 40}, None), "root")
