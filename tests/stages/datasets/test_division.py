"""Splits, classes and limits."""

from collections import Counter

import numpy as np
import pytest

from stages.datasets import SETS, DataSetError, Sample, choose_classes
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
    assert sorted(taken) == sorted(s.path for s in everything if s.split == "train")
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
    with pytest.raises(DataSetError, match="^cannot take 3 of 3500 pictures of 7 classes: .*$"):
        divide(FER, everything, "root", limit=3)


@pytest.mark.parametrize("limit", [None, 342, 343, 349, 350, 351, 10**6])
def test_limit_is_the_number_of_training_pictures(limit):
    """To the picture, also around the number there is. (Within 1 and 6 of it no picture of some class would be left
    out, which scikit-learn refuses.)
    """
    everything = full("train", 10) + full("val") + full("test")
    if limit == 349:
        with pytest.raises(DataSetError, match="^cannot take 349 of 350 pictures of 7 classes"):
            divide(FER, everything, "root", limit=limit)
        return
    division = divide(FER, everything, "root", limit=limit)
    expected = 350 if limit is None else min(limit, 350)
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
    with pytest.raises(DataSetError, match="FER2013 has no class 'Joy'; it has Anger, Disgust"):
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
    with pytest.raises(DataSetError, match="no usable picture in root: missing .2.; expected fer2013.csv"):
        divide(FER, [Sample("a", None, "train", problem="missing")] * 2, "root")
    with pytest.raises(DataSetError, match="no train split in root; expected fer2013.csv"):
        divide(FER, full("val") + full("test"), "root")
    with pytest.raises(DataSetError, match="no test split in root"):
        divide(FER, full("train") + full("val"), "root", test_share=0)
    with pytest.raises(DataSetError, match="no picture of class Fear in the val split of root"):
        divide(FER, full("train") + [s for s in full("val") if s.label != "Fear"] + full("test"), "root")
