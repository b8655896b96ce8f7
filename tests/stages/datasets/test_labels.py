"""One name for each class, however it is spelt."""

import unicodedata
from decimal import Decimal, InvalidOperation

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets import SETS, DataSetError, Sample, choose_classes
from stages.datasets.labels import unify

NUMBERS = st.builds(
    lambda sign, zeros, whole, fraction: f"{sign}{'0' * zeros}{whole}{fraction}",
    st.sampled_from(["", "", "+", "-"]), st.integers(0, 2), st.integers(0, 10**30),
    st.sampled_from(["", "", ".", ".0", ".00", ".5", ".50", ".05"]),
)  # fmt: skip
WORDS = st.text(st.sampled_from("aAbBéÉßſ猫 _.0"), min_size=1, max_size=4)
LABELS = st.one_of(NUMBERS, WORDS.filter(str.strip), st.sampled_from(["1e3", "1000", "True", "true", "nan", "NaN"]))
FORMS = st.sampled_from(["NFC", "NFD"])
SHAPES = st.builds(lambda form, shape: lambda label: shape(unicodedata.normalize(form, label)), FORMS,
                   st.sampled_from([str, str.upper, str.lower, str.title, " {} ".format, "{}\t".format]))  # fmt: skip


def same(one, other):
    """Whether two labels are of one class: as numbers where both are plain ones, else as words without case."""
    one, other = (unicodedata.normalize("NFC", label).strip() for label in (one, other))
    try:
        if not any(letter in "eEnN_" for letter in one + other):
            return Decimal(one) == Decimal(other)
    except InvalidOperation:
        pass
    return unicodedata.normalize("NFC", one.casefold()) == unicodedata.normalize("NFC", other.casefold())


@given(LABELS, LABELS, SHAPES, SHAPES)
@settings(deadline=None, max_examples=150, derandomize=True, database=None)
def test_two_spellings_are_one_class_where_they_say_the_same(one, other, shape, reshape):
    labels = [shape(one), reshape(other)]
    samples = [Sample("1", labels[0], "train"), Sample("2", labels[1], "val")]
    notes = unify(samples, ())
    assert (samples[0].label == samples[1].label) == same(*labels)
    assert samples[0].label == unicodedata.normalize("NFC", labels[0]).strip()  # train's
    differing = [label for label in labels if label != samples[0].label] if same(*labels) else []
    assert len(notes) == bool(differing or any(s.label != label for s, label in zip(samples, labels, strict=True)))


@given(st.lists(LABELS, min_size=1, max_size=5), st.sampled_from([None, "train"]))
@settings(deadline=None, max_examples=100, derandomize=True, database=None)
def test_in_one_split_two_spellings_are_refused(labels, split):
    stripped = {unicodedata.normalize("NFC", label).strip() for label in labels}
    samples = [Sample(str(i), label, split if i % 2 else "train") for i, label in enumerate(labels)]
    if any(same(one, other) for one in stripped for other in stripped if one < other):
        with pytest.raises(DataSetError, match="spelt in several ways in train: .*data.classes"):
            unify(samples, ())
        samples = [Sample(str(i), label, "train") for i, label in enumerate(labels)]
    unify(samples, stripped)  # all of them are wanted
    assert {sample.label for sample in samples} == stripped


def test_the_refusal_counts_both():
    samples = [Sample(str(i), "a" if i % 3 else "A", None) for i in range(9)]
    with pytest.raises(
        DataSetError, match=r"in train: 'A' \(3\), 'a' \(6\); mend them, or list all of them in data.cl"
    ):
        unify(samples, ["a"])


def test_the_spelling_is_the_wanted_one_then_that_of_train_then_the_most_frequent():
    def spelt(wanted, train="Happy"):
        samples = [
            Sample("1", train, "train"),
            *(Sample("2", "happy", "val") for _ in range(5)),
            Sample("3", "HAPPY", "test"),
        ]
        unify(samples, wanted)
        return {sample.label for sample in samples}

    assert spelt(()) == {"Happy"} and spelt(["HAPPY", "sad"]) == {"HAPPY"}
    assert spelt((), train="sad") == {"sad", "happy"}


def test_many_classes_are_said_in_one_line():
    samples = [Sample(f"{case(str(i))}", case(f"class{i}"), split) for i in range(99)
               for case, split in ((str.upper, "train"), (str.lower, "test"))]  # fmt: skip
    (note,) = unify(samples, ())
    assert note.endswith("93 more classes") and len(note) < 400


def test_classes_are_compared_in_one_unicode_form():
    wanted = [unicodedata.normalize("NFD", "fröhlich "), "angry"]
    assert choose_classes(SETS["folders"], wanted, {"fröhlich", "angry"}) == ("fröhlich", "angry")
