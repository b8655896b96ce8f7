"""The stage `source`, run as DVC runs it, and its digest computed again in another way."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(folder, *arguments, **environment):
    """`python -m stages.source` in a folder; returns the finished process."""
    unset = {key: value for key, value in os.environ.items() if not key.endswith("_ROOT")}
    return subprocess.run(
        [sys.executable, "-m", "stages.source", *arguments],
        cwd=folder,
        env=unset | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def workspace(tmp_path):
    """A folder with the parameters of a set in the user's folder `mine`, with files that sort in unusual ways."""
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("dataset: faces", "dataset: fer2013", 1))
    for number, name in enumerate(["a/b.png", "a.png", "a-b.png", "t/x/ü 1.png", "t/x/.hidden", "B.png", "z/"]):
        path = tmp_path / "mine" / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * number)
        os.utime(path, (0, 1_600_000_000 + number + 0.75))
    return tmp_path


def expected(root):
    """What the documentation of `fingerprint` says, with one list of all files instead of a walk."""
    files = [path for path in root.rglob("[!.]*") if path.is_file()]  # what is hidden is none of the set's
    files.sort(key=lambda path: path.relative_to(root).parts)
    lines = [
        f"{path.relative_to(root).as_posix()}\0{len(path.read_bytes())}\0{path.stat().st_mtime_ns // 10**9}\n"
        for path in files
    ]
    return {
        "files": len(files),
        "bytes": sum(len(path.read_bytes()) for path in files),
        "digest": hashlib.sha256("".join(lines).encode()).hexdigest()[:32],
    }


def test_an_external_set(workspace):
    mine = workspace / "mine"
    done = run(workspace, FER2013_ROOT=str(mine))
    assert done.returncode == 0, done.stderr
    written = (workspace / "data/source.json").read_text()
    assert json.loads(written) == {"dataset": "fer2013", **expected(mine)}
    assert json.loads(written)["files"] == 5 and str(workspace) not in written
    assert [path.name for path in (workspace / "data").iterdir()] == ["source.json"]
    assert done.stdout.startswith("data/source.json: dataset fer2013, files 5, bytes 11, digest ")

    # Where the variable is unset the file stays as it is, to the byte; a change of the set is seen.
    kept = run(workspace)
    assert kept.returncode == 0 and kept.stdout == "FER2013_ROOT is not set: data/source.json stays as it is\n"
    assert (workspace / "data/source.json").read_text() == written
    (mine / "t/x/ü 1.png").write_bytes(b"longer")
    assert run(workspace, FER2013_ROOT=str(mine)).returncode == 0
    assert json.loads((workspace / "data/source.json").read_text()) == {"dataset": "fer2013", **expected(mine)}
    assert (workspace / "data/source.json").read_text() != written


def test_a_study_has_a_source_of_its_own(workspace):
    """Its parameters and its file lie where it says, and the pipeline's are not touched."""
    (workspace / "study").mkdir()
    (workspace / "params.yaml").rename(workspace / "study/params.yaml")
    place = ("--params", "study/params.yaml", "--out", "runs/studies/fer2013/source.json")
    done = run(workspace, *place, FER2013_ROOT=str(workspace / "mine"))
    assert done.returncode == 0, done.stderr
    record = json.loads((workspace / "runs/studies/fer2013/source.json").read_text())
    assert record == {"dataset": "fer2013", **expected(workspace / "mine")}
    assert not (workspace / "data").exists()


def test_what_cannot_be_fingerprinted_is_one_line(workspace):
    for environment, line in (
        ({}, "source: FER2013_ROOT is not set; it must name the folder of FER2013: fer2013.csv, or"),
        ({"FER2013_ROOT": "nowhere"}, "source: fer2013: nowhere is no folder; FER2013_ROOT must name"),
    ):
        done = run(workspace, **environment)
        assert done.returncode == 1 and done.stderr.startswith(line) and done.stderr.count("\n") == 1
    assert not (workspace / "data").exists()
