"""Whatever stands in params.yaml: valid parameters, or a line for each mistake, and never anything else."""

import copy
import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stages.params import Params, read, with_values
from tests.stages.allowed import ALLOWED, PARAMS, TEXT, VALUES


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
