"""Whatever stands in params.yaml: valid parameters, or a line for each mistake, and never anything else."""

import copy
import io
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stages.params import Params, read, with_values

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
PARAMS = read(ROOT / "params.yaml")
VALUES = YAML(typ="safe", pure=True).load(TEXT)


def whole(low, high):
    return lambda value: type(value) is int and low <= value <= high


def number(low, high, without_low=False, without_high=False):
    def holds(value):
        if type(value) not in (int, float) or math.isnan(value):
            return False
        return low <= value <= high and not (without_low and value == low) and not (without_high and value == high)

    return holds


def one_of(*words):
    return lambda value: isinstance(value, str | int) and not isinstance(value, bool) and value in words


def either(*tests):
    return lambda value: any(test(value) for test in tests)


def name(value):
    return type(value) is str and 1 <= len(value) <= 200


def names(least):
    return lambda value: type(value) is list and len(value) >= least and all(map(name, value))


def boolean(value):
    return type(value) is bool


def null(value):
    return value is None


def seeds(value):
    return type(value) is list and value and all(map(whole(0, 2**32 - 1), value)) and len(set(value)) == len(value)


def turns(value):
    return seeds(value) and all(map(whole(1, 10**9), value))


RATE = number(0, 1, without_high=True)
INNER = number(0, 1, without_low=True, without_high=True)
POSITIVE, STRENGTH = number(0, 100, without_low=True), number(0, 100)
SITES = either(name, names(1))
# What each parameter may be, written down again from the comments of params.yaml and the greatest values.
ALLOWED = {
    "dataset": name,
    "seeds": seeds,
    "interval": whole(1, 10**9),
    "faces.train": whole(70, 10**5),
    "faces.val": whole(70, 10**5),
    "faces.wrong_labels": RATE,
    "faces.seed": whole(0, 2**32 - 1),
    "data.side": either(null, whole(8, 1024)),
    "data.classes": either(one_of(7, 8, "all"), lambda value: names(2)(value) and len(set(value)) == len(value)),
    "data.limit": either(null, whole(2, 10**8)),
    "data.test_share": number(0, 0.9, without_high=True),
    "data.test_of_val": RATE,
    "data.max_failures": number(0, 1),
    "data.drop_duplicates": boolean,
    "data.soft_labels": boolean,
    "data.outside": boolean,
    "train.images": either(null, whole(2, 10**8)),
    "train.watched.train": either(null, whole(2, 10**8)),
    "train.watched.val": either(null, whole(2, 10**8)),
    "train.network": name,
    "train.stem": one_of("imagenet", "small"),
    "train.epochs": whole(1, 10**4),
    "train.batch_size": whole(2, 65536),
    "train.optimizer": one_of("adam", "adamw", "sgd"),
    "train.learning_rate": POSITIVE,
    "train.weight_decay": STRENGTH,
    "train.momentum": RATE,
    "train.schedule": one_of("constant", "step", "cosine", "one-cycle"),  # "restarts" needs a period, and it has none
    "train.period": either(null, whole(1, 10**4)),
    "train.warmup": whole(0, 10**4),
    "train.label_smoothing": RATE,
    "train.class_balance": one_of("none", "weights", "sampling"),
    "train.early_stopping": either(null, whole(1, 10**4)),
    "train.ema": either(null, INNER),
    "train.augment.flip": boolean,
    "train.augment.shift": whole(0, 128),
    "train.augment.rotate": number(0, 180),
    "train.augment.scale": RATE,
    "train.augment.erase": number(0, 1),
    "train.order": whole(0, 2**32 - 1),
    "train.precision": one_of("auto", "float32", "bfloat16"),
    "train.deterministic": boolean,
    "train.processes": whole(1, 256),
    "dropout.p": RATE,
    "dropout.sites": SITES,
    "periodic.unit": one_of("epoch", "step"),
    "periodic.turns": either(null, turns),
    "periodic.share": number(0, 1, without_low=True),
    "periodic.sites": SITES,
    "dynamic.start": either(one_of("auto"), INNER),
    "dynamic.first_turn": INNER,
    "dynamic.constant": number(0, 10**6, without_low=True),
    "dynamic.sites": SITES,
    "dynamic.weight": one_of("channel", "network"),
    "dynamic.reinitialise": boolean,
    "dynamic.divide": one_of("absolute", "signed"),
    "dynamic.gradient": one_of("exact", "autograd"),
    "gaussian.stddev": STRENGTH,
    "gaussian.sites": SITES,
    "bursts.stddev": STRENGTH,
    "bursts.sites": SITES,
    "machine.device": name,
    "machine.threads": whole(1, 1024),
    "machine.side_by_side": either(null, whole(1, 256)),
    "machine.compile": one_of("auto", "on", "off"),
    "machine.workers": either(null, whole(1, 256)),
    "machine.checkpoint_seconds": number(0, 10**9),
    "circles.samples": whole(VALUES["circles"]["train"] + 1, 10**4),
    "circles.train": whole(2, VALUES["circles"]["samples"] - 1),
    "circles.noise": STRENGTH,
    "circles.random_state": whole(0, 2**32 - 1),
    "circles.hidden": whole(1, 10**4),
    "circles.epochs": whole(1, 10**5),
    "circles.learning_rate": POSITIVE,
    "circles.input_stddev": STRENGTH,
    "circles.hidden_stddev": STRENGTH,
    "circles.seeds": whole(2, 1000),
    "circles.draws": whole(2, 1000),
    "circles.test_points": whole(100, 10**5),
}


def leaves(part, prefix=""):
    for key, value in part.items():
        yield from leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]


def test_every_parameter_of_the_file_is_in_the_table():
    assert set(leaves(VALUES)) == set(ALLOWED)


WORDS = [
    "auto",
    "all",
    "none",
    "adam",
    "cpu",
    "first",
    "1e3",
    "nan",
    "yes",
    "",
    "a\nb",
    "\u202e\u05d0",
    "x" * 300,
    "$x^$",
]
EDGES = [0, 1, -1, 2, 7, 8, 70, 0.5, 0.9, 1.0, 100, 1024, 1025, 10**4, 10**4 + 1, 10**5, 10**8, 2**32, 10**9, 10**40]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(EDGES),
    st.integers(),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e308, 5e-324]),
    st.sampled_from(WORDS),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.dates(),
    st.binary(max_size=5),
)
names_of_any_kind = st.one_of(
    scalars.filter(lambda value: not isinstance(value, bytes)), st.sampled_from(["int", "str"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names_of_any_kind, inner, max_size=3),
    max_leaves=6,
)
fuzz = settings(deadline=None, max_examples=25, derandomize=True, database=None)


def said_of(tmp_path, content):
    """The parameters that are read, or the lines that are said; anything else fails."""
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    try:
        return read(path)
    except SystemExit as mistakes:
        lines = str(mistakes).split("\n")
        for line in lines:
            assert line.startswith(f"{path}:") and line.isprintable() and len(line) < len(str(path)) + 1200, line
        return lines


def dumped(values):
    stream = io.BytesIO()
    YAML(typ="safe", pure=True).dump(values, stream)
    return stream.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("dotted", ALLOWED)
def test_a_value_in_the_place_of_another(dotted):
    @settings(fuzz, max_examples=25)
    @given(anything)
    def check(value):
        try:
            accepted = with_values(PARAMS, {dotted: value}, "params.yaml")
        except SystemExit as mistake:
            assert not ALLOWED[dotted](value)
            for line in str(mistake).split("\n"):
                assert line.startswith(f"params.yaml: {dotted}") and line.isprintable(), line
        else:
            assert ALLOWED[dotted](value), accepted

    check()


@fuzz
@given(st.data())
def test_anything_anywhere(folder, data):
    values = copy.deepcopy(VALUES)
    for _ in range(data.draw(st.integers(1, 3))):
        part = values
        while (inner := [key for key in part if isinstance(part[key], dict)]) and data.draw(st.booleans()):
            part = part[data.draw(st.sampled_from(inner))]
        key = data.draw(st.sampled_from(sorted(map(str, part))) | names_of_any_kind) if part else "a"
        if data.draw(st.booleans()):
            part[key] = data.draw(anything)
        else:
            part.pop(key, None)
    said_of(folder, dumped(values))


@fuzz
@given(
    place=st.integers(0, len(TEXT)),
    taken=st.integers(0, 40),
    put=st.binary(max_size=6)
    | st.text("\t\0:-[]{}&*!|>%@`'\"#,?~<= \n\u0085\u2028\ud800é", max_size=6).map(
        lambda t: t.encode(errors="surrogatepass")
    ),
)
def test_any_bytes_anywhere(folder, place, taken, put):
    content = TEXT.encode()
    said_of(folder, content[:place] + put + content[place + taken :])


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefghi", "bcdefghij")
)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"dataset: \xff\n",
        b"\0",
        b"",
        b"a",
        b"- a\n",
        b"---\na: 1\n---\nb: 2\n",
        b"a: 1\na: 2\n",
        b"a:\tb: c",
        b"a: &a [*a]\n",
        b"a: &a {b: *a}\n",
        b"a: *missing\n",
        b"? [1, 2]\n: 3\n",
        b"? {a: 1}\n: 3\n",
        b"1: 2\nnull: 3\n",
        b"a: !!python/object/apply:os.system ['true']\n",
        b"a: !!int x\n",
        b"a: !!float x\n",
        b"a: !!bool x\n",
        b"a: !!timestamp x\n",
        b"a: !!binary x\n",
        b"a: 2001-99-99\n",
        b"a: " + b"9" * 5000,
        b"a: 0x" + b"f" * 5000,
        b"a: " + b"[" * 500,
        b"a: " + b"{a: " * 500,
        b"\n".join(b" " * n + b"a:" for n in range(500)),
        b"%YAML 9.9\n---\na: 1\n",
        b"vary: {}\nvary: {}\n",
        b"vary: {interval: [&a [x], *a]}\n",
        b"vary: {train: [{epochs: 3}]}\n",
        b"vary: {interval: [" + b",".join(b"%d" % n for n in range(1, 5000)) + b"]}\n",
        b"vary: {interval: [1,2,3,4,5,6,7,8,9,10,11], train.epochs: [1,2,3,4,5,6,7,8,9,10], dropout.p: [" +
        b",".join(b"0.%d" % n for n in range(11, 99)) + b"]}\n",
        BOMB.encode(),
        BOMB.encode() + b"vary: {interval: *j}\n",
        b"\x00" * 100 + TEXT.encode(),
        TEXT.encode() + b"int: 3\n",
        TEXT.encode() + b"literal[7]: 3\n",
        TEXT.encode() + ("x" * 3000).encode() + b": 3\n",
        TEXT.encode() + b'"a\\nb": 3\n',
    ],
    ids=lambda content: repr(content[:20]),
)  # fmt: skip
def test_what_is_no_file_of_parameters(tmp_path, content):
    said = said_of(tmp_path, content)
    assert isinstance(said, list) and said, content[:40]


EPOCHS, INTERVAL = VALUES["train"]["epochs"], f"interval: {VALUES['interval']}"


@pytest.mark.parametrize(
    "change",
    [
        (f"epochs: {EPOCHS}", f"epochs: &a {EPOCHS}", "warmup: 0", "warmup: *a"),
        ("# Every", "\ufeff# Every"),
        ("\n", "\r\n"),
        ("\n", "\r"),
        (INTERVAL, "interval: 0x10"),
        (INTERVAL, "interval: 1_000"),
        (INTERVAL, "'interval': !!int 3"),
        (f"epochs: {EPOCHS}", f"\"epochs\": {EPOCHS}"),
    ],
    ids=str,
)  # fmt: skip
def test_other_spellings_of_the_same_are_read(tmp_path, change):
    text = TEXT
    for old, new in zip(change[::2], change[1::2]):
        assert old in text
        text = text.replace(old, new) if old == "\n" else text.replace(old, new, 1)
    assert isinstance(said_of(tmp_path, text.encode()), Params)


def test_a_folder_and_a_file_that_is_not_there_are_said(tmp_path):
    (tmp_path / "params.yaml").mkdir()
    with pytest.raises(SystemExit, match=f"^{tmp_path}/params.yaml: Is a directory$"):
        read(tmp_path / "params.yaml")
    with pytest.raises(SystemExit, match="No such file or directory; run from the root of the repository$"):
        read(tmp_path / "none.yaml")
