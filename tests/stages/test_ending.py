"""What ends a stage is one line: `python -m stages.<name>` for real, over every kind of end, and at any time."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import said_in_a_terminal

ROOT = Path(__file__).parents[2]
AGAIN = "interrupted; the same command starts it again"
ENDS = {
    # kind: (the stage, how what it says begins)
    "mistake": ("raise Mistake('a.csv: 3 is bad\\nb.csv: missing')", "probe: a.csv: 3 is bad\nprobe: b.csv: missing"),
    "heir": ("class Bad(Mistake): pass\nraise Bad('wrong')", "probe: wrong"),
    "no file": ("open('none/x')", "probe: none/x: No such file or directory"),
    "a folder": ("open('.', 'w')", "probe: .: Is a directory"),
    "read-only": ("open('/proc/version', 'w')", "probe: /proc/version: Permission denied"),
    "two files": ("import os; os.rename('none', 'other')", "probe: none: No such file or directory"),
    "no name": ("raise OSError(28, 'No space left on device')", "probe: No space left on device"),
    "no number": ("raise OSError('1000 requested and 0 written')", "probe: 1000 requested and 0 written"),
    "many files": ("import shutil; shutil.copytree('here', 'there')", "probe: here/gone: "),
    "bytes": (r"open(b'\xff/x')", r"probe: \udcff/x: No such file or directory"),
    "a line break": (r"open('a\nb')", r"probe: a\nb: No such file or directory"),
    "memory": ("import numpy; numpy.zeros(10**15)", "probe: not enough memory (Unable to allocate 7.11 PiB"),
    "memory, no word": ("raise MemoryError", "probe: not enough memory; lower machine.workers"),
    "killed worker": (
        "import os\nfrom concurrent.futures import ProcessPoolExecutor as Pool\n"
        "with Pool(1) as pool:  # else its threads may fail as they end\n    pool.submit(os.abort).result()",
        "probe: a worker process was killed",
    ),
    "not installed": ("import torchness.nn", "probe: No module named 'torchness': `make setup` installs"),
    "SIGINT": ("import os, time; os.kill(os.getpid(), 2); time.sleep(9)", f"probe: {AGAIN}"),
    "SIGTERM": ("import os, time; os.kill(os.getpid(), 15); time.sleep(9)", f"probe: {AGAIN}"),
    "raised": ("raise KeyboardInterrupt", f"probe: {AGAIN}"),
    "named": (
        "this_stage('train-x', 'continues')\nraise KeyboardInterrupt",
        "train-x: interrupted; the same command continues",
    ),
    "in __del__": (
        "import os, time\nclass Gone:\n  def __del__(self): os.kill(os.getpid(), 2)\nGone()\ntime.sleep(9)",
        f"probe: {AGAIN}",
    ),
    "becomes another": (
        "import os\ntry: os.kill(os.getpid(), 2)\nexcept KeyboardInterrupt: pass\nraise ImportError('C')",
        f"probe: {AGAIN}",
    ),
    "said by itself": ("raise SystemExit('params.yaml: wrong')", "params.yaml: wrong"),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with a package `stages` that ends as the project's does."""
    root = tmp_path_factory.mktemp("ending")
    (root / "stages").mkdir()
    for name in ("__init__.py", "ending.py", "interruptions.py"):
        shutil.copy(ROOT / "stages" / name, root / "stages" / name)
    (root / "here").mkdir()
    (root / "here/gone").symlink_to("nowhere")
    return root


def start(root, body, **streams):
    (root / "stages/probe.py").write_text(f"from stages.ending import Mistake, this_stage\n{body}\n")
    # The probe is another one each time, within the second that compiled files are told apart by.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return subprocess.Popen(
        [sys.executable, "-m", "stages.probe"], cwd=root, env=environment, text=True, stderr=subprocess.PIPE, **streams
    )


@pytest.mark.parametrize("kind", ENDS)
def test_an_end_is_one_line(root, kind):
    body, line = ENDS[kind]
    if kind == "read-only" and os.access("/proc/version", os.W_OK):
        pytest.skip("this user may write anywhere")
    process = start(root, body)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (1, -signal.SIGINT)
    assert said.startswith(line) and said.count("\n") == line.count("\n") + 1, said


@pytest.mark.parametrize(
    "body",
    ["1 / 0", "assert False", "import stages.none", "import noise.none", "raise ConnectionResetError", "{}['key']"],
)
def test_a_fault_of_the_program_keeps_its_traceback(root, body):
    _, said = start(root, body).communicate(timeout=60)
    assert said.startswith("Traceback") and "probe.py" in said


@pytest.mark.parametrize("lines", [1, 100_000])
def test_nobody_reads_on_and_nothing_is_said(root, lines):
    process = start(root, f"import time; time.sleep(0.3)\nfor i in range({lines}): print(i)", stdout=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait() == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_full_disk_behind_the_output_is_a_line(root, lines):
    with open("/dev/full", "w") as full:
        process = start(root, f"for i in range({lines}): print(i)", stdout=full)
        _, said = process.communicate(timeout=60)
    assert said.startswith("probe: ") and said.endswith("No space left on device\n") and said.count("\n") == 1
    assert process.returncode == 1


def test_a_closed_output_disturbs_nobody(root):
    command = f"'{sys.executable}' -m stages.probe >&-"
    (root / "stages/probe.py").write_text("print(1)")
    done = subprocess.run(command, shell=True, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


STAGES = sorted(path.stem for path in (ROOT / "stages").glob("*.py") if "\nif __name__" in path.read_text())


@pytest.mark.parametrize("stage", STAGES)
def test_being_stopped_while_importing_is_one_line(tmp_path, stage):
    for imported in ("argparse", "numpy", "pydantic"):  # each stage needs one of them before all else
        (tmp_path / f"{imported}.py").write_text("import os, time; os.kill(os.getpid(), 15); time.sleep(9)")
    done = subprocess.run(
        [sys.executable, "-m", f"stages.{stage}"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stderr == f"{stage}: {AGAIN}\n" and done.returncode == -signal.SIGINT


def test_processes_that_are_started_for_a_stage_leave_the_last_word_to_it(root):
    child = "import time; print('started', flush=True); time.sleep(2)"
    body = f"""
import os, signal, subprocess, sys, time
from stages.interruptions import parent_decides
with parent_decides():
    child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE)
child.stdout.readline()
os.killpg(0, signal.SIGINT)
time.sleep(9)
"""
    process = start(root, body, start_new_session=True)
    _, said = process.communicate(timeout=60)
    assert said == f"probe: {AGAIN}\n"


@pytest.mark.parametrize(("said", "word"), [("'train-x', 'continues'", "continues"), ("'train-x'", None)])
def test_a_process_for_which_another_speaks_leaves_its_word_to_it(root, tmp_path, monkeypatch, said, word):
    monkeypatch.setenv("STAGES_LAST_WORD", str(tmp_path / "word"))
    process = start(root, f"from stages.ending import this_stage\nthis_stage({said})\nraise KeyboardInterrupt")
    assert process.communicate(timeout=60)[1] == "" and process.returncode == -signal.SIGINT
    assert [path.read_text() for path in tmp_path.iterdir()] == ([word] if word else [])
    process = start(root, "raise Mistake('wrong')")  # a mishap of its own it says itself
    assert process.communicate(timeout=60)[1] == "probe: wrong\n"


def test_bars_are_for_terminals(root):
    """Also those of the processes that a stage starts."""
    child = "from tqdm import tqdm; list(tqdm(range(3), 'working'))"
    (root / "stages/probe.py").write_text(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])\n"
    )
    command = [sys.executable, "-m", "stages.probe"]
    assert "working: 100%" in said_in_a_terminal(command, cwd=root)
    assert subprocess.run(command, cwd=root, capture_output=True, check=True).stderr == b""
