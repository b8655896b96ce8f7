"""What the report reads, damaged in every way: a line that names the file, or a report that can be computed."""

import json
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.ending import in_one_line
from stages.reporting import data_set, process, records, style, table1
from stages.reporting.circles import exhibits as circles
from stages.reporting.circles.study import read_study
from stages.reporting.runs import runs_of
from stages.results import tables
from stages.results.inputs import BadInput, read_json
from tests.stages.reporting import pixels
from tests.stages.reporting.simulated_circles import write_study
from tests.stages.results.simulated import simulate

ROOT = Path(__file__).parents[3]
FILES = [
    *(f"reports/{name}" for name in tables.FILES),
    "reports/pictures/data.json",
    *(
        f"reports/circles/{name}"
        for name in ("data.csv", "run.csv", "curves.csv", "runs.csv", "study.json", "decision.npz")
    ),
    "data/paper/table1.csv",
    "data/paper/circles.csv",
    "features.npz",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    tables.write(root / "reports", simulate(["baseline", "periodic"], [0, 1], epochs=3, steps_per_epoch=5))
    write_study(root / "reports/circles")
    (root / "reports/pictures").mkdir()
    (root / "reports/pictures/data.json").write_text(json.dumps(pixels.summary()))
    shutil.copytree(ROOT / "data/paper", root / "data/paper")
    pixels.write_features(root / "features.npz", 16)
    return root


def report(name):
    """What reads the file, and what is made of it, but for figures that only draw it."""
    if name == "features.npz":
        yield from process.figures(name, 0.1, 6.0)
    elif name.endswith("data.json"):
        data = read_json(name)
        yield from data_set.tables(data)
        yield from data_set.figures(data)
    elif "circles" in name:
        yield from circles.tables(read_study())
    else:
        runs = runs_of(tables.read("reports"))
        yield from table1.tables(runs, table1.read_paper())
        yield from records.tables(runs)


def said(root, name):
    """The line that the report ends with, None where it is made; a fault fails the test."""
    with chdir(root), style.applied():
        try:
            list(report(name))
        except (BadInput, OSError) as error:
            line = in_one_line(error)
            assert line and len(line.splitlines()) == 1, line
            assert ".csv" in line or Path(name).name in line, line
            return line
    return None


def test_whole_files_make_a_report(project):
    assert [said(project, name) for name in FILES] == [None] * len(FILES)


def cut(content, at, byte):
    return content[: at % len(content)]


def flipped(content, at, byte):
    place = at % len(content)
    return content[:place] + bytes([content[place] ^ (byte or 1)]) + content[place + 1 :]


def zeroed(content, at, byte):
    place = at % len(content)
    return content[:place] + bytes(min(64, len(content) - place)) + content[place + 64 :]


def inserted(content, at, byte):
    place = at % len(content)
    return content[:place] + bytes([byte]) + content[place:]


def line_lost(content, at, byte):
    lines = content.splitlines(keepends=True)
    del lines[at % len(lines)]
    return b"".join(lines)


def line_twice(content, at, byte):
    lines = content.splitlines(keepends=True)
    lines.insert(at % len(lines), lines[byte % len(lines)])
    return b"".join(lines)


def cell_lost(content, at, byte):
    cells = content.split(b",")
    cells[at % len(cells)] = [b"", b"nan", b"-1", b"1e400", b"x", b"0.5", b"99999999999999999999", b"[]"][byte % 8]
    return b",".join(cells)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file(project, name):
    whole = (project / name).read_bytes()

    @settings(deadline=None, max_examples=8, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from([cut, flipped, zeroed, inserted, line_lost, line_twice, cell_lost]),
        st.integers(0, 2**20),
        st.integers(0, 255),
    )
    def check(damage, at, byte):
        (project / name).write_bytes(damage(whole, at, byte))
        said(project, name)

    try:
        check()
    finally:
        (project / name).write_bytes(whole)


@pytest.mark.parametrize("name", FILES)
def test_a_file_in_the_place_of_another_or_none(project, name, tmp_path):
    whole = (project / name).read_bytes()
    try:
        for other in (
            b"",
            b"\0" * 100,
            b"{}",
            b"[]",
            b"1",
            b"null",
            b"\xff\xfe",
            b'{"settings": 3}',
            b"a,b\n1,2\n",
            b"PK\3\4",
        ):
            (project / name).write_bytes(other)
            assert said(project, name), other
        for other in FILES:
            if Path(other).suffix != Path(name).suffix or "circles" in other:
                (project / name).write_bytes(
                    (ROOT / "README.md").read_bytes() if other == name else b"x" + other.encode()
                )
                assert said(project, name), other
        (project / name).unlink()
        assert said(project, name)
        (project / name).mkdir()
        assert said(project, name)
    finally:
        shutil.rmtree(project / name, ignore_errors=True)
        (project / name).write_bytes(whole)
