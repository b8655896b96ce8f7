"""Lists of any make: what a row says, and what is refused."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets import DataSetError
from stages.datasets.lists import Rows, text

FIELDS = {"path": {"image"}, "label": {"class"}, "remark": set()}


def written(tmp_path, content):
    path = tmp_path / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(path, needed=("path", "label"), order=None):
    return [(row.line, *row.cells.values(), row.problem) for row in Rows(path, FIELDS, needed, order)]


CELLS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=12).map(str.strip)


@given(
    st.lists(st.tuples(CELLS.filter(bool), CELLS, CELLS), min_size=1, max_size=5),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n", "sep=;\n", '"sep=,"\r\n']),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
@settings(deadline=None, max_examples=100, derandomize=True, database=None)
def test_what_is_written_is_read(cells, delimiter, encoding, end, above, quoting):
    buffer = io.StringIO(newline="")
    buffer.write(above)
    csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(
        [("Image", "CLASS", "other", "Remark"), *((a, b, "x", c) for a, b, c in cells)]
    )
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), buffer.getvalue().encode(encoding))
        read = Rows(path, FIELDS, ("path", "label"))
        first = 2 + bool(above)
        assert list(read) == [
            (first + i, {"path": a, "label": b, "remark": c}, None) for i, (a, b, c) in enumerate(cells)
        ]
    assert read.columns == {"path": "image", "label": "class", "remark": "remark"} and read.unused == ["other"]


@given(st.binary(max_size=80))
@settings(deadline=None, max_examples=100, derandomize=True, database=None)
def test_any_bytes_are_rows_or_one_line(content):
    with tempfile.TemporaryDirectory() as folder:
        for start in (b"", b"path,label\n"):
            path = written(Path(folder), start + content)
            try:
                rows(path)
            except DataSetError as error:
                assert str(path) in str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    "content, what",
    [
        ("", "the file is empty"),
        ("\n\n  \n", "the file is empty"),
        ("a.jpg,cat\n", "no column path, label in its first line, 'a.jpg,cat'; expected a header with path, label"),
        ("path,remark\n", "no column label in its first line"),
        ("image,path,class,Class\n", "the columns class and class may all be the label; call one of them label"),
        (b"path,label\na.jpg,cat\n\0\0\0", "NUL bytes near line 3: no text, or a damaged copy; get the file anew"),
        ('path,label\n"a.jpg,cat\nb.jpg,cat\n', "from line 2 on: unexpected end of data; a quotation mark in a cell"),
        ('path,label\na.jpg,cat\n"b.jpg,cat\n"c.jpg,cat\n', "from line 3 on: ',' expected after '\"'; a quotation"),
        (b"\x89PNG\r\n\x1a\n", "no column path, label in its first line"),
    ],
)
def test_what_is_no_list_is_named(tmp_path, content, what):
    path = written(tmp_path, content)
    with pytest.raises(DataSetError) as error:
        rows(path)
    assert str(error.value).startswith(str(path)) and what in str(error.value)


def test_rows_of_another_length_are_told_apart(tmp_path):
    path = written(tmp_path, "path,label,remark\na,b\na\na,b,c,, \na,b,c,d\n,,\n\na,b,c\n")
    assert rows(path) == [
        (2, "a", "b", "", None),
        (3, "a", "", "", "row too short"),
        (4, "a", "b", "c", None),
        (5, "a", "b", "c", "row too long"),
        (8, "a", "b", "c", None),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_list_without_a_header_goes_by_its_order(tmp_path, delimiter):
    path = written(tmp_path, delimiter.join("ab") + "\n" + delimiter.join("c") + "\n")
    assert rows(path, order=("path", "label")) == [(1, "a", "b", "", None), (2, "c", "", "", "row too short")]
    path = written(tmp_path, f"label{delimiter}path\n" + delimiter.join("ab") + "\n")
    assert rows(path, order=("path", "label")) == [(2, "b", "a", "", None)]


def test_bytes_of_windows_are_letters(tmp_path):
    path = written(tmp_path, "path,label\nÄ.jpg,größe\n".encode("cp1252"))
    (row,) = Rows(path, FIELDS, ("path", "label"))
    assert text("\udcff\udc80") == "ÿ€" and text("\ud7ff猫") == "\ud7ff猫"
    assert text(row.cells["label"]) == "größe" and row.cells["path"].encode("utf-8", "surrogateescape") == b"\xc4.jpg"
