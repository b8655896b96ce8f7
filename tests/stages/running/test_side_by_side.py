"""Several processes at once: as many as there are places, each failing for itself, none outliving the stage."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import torch

from stages.params import Machine
from stages.running import side_by_side as module
from stages.running.side_by_side import Slots, ask, server, side_by_side, slots

MACHINE = Machine(device="cpu", threads=1, side_by_side=None, compile="off", workers=None, checkpoint_seconds=1.0)
ROOT = Path(__file__).parents[3]
TWO = Slots(("one", "two"))


@pytest.fixture(scope="module")
def context():
    return server("stages.running.one_run")


def told(messages):
    """What was said of each piece, by the piece."""
    said = {}
    for piece, kind, content in messages:
        said.setdefault(piece, []).append((kind, content))
    return said


def count(piece, device, send):
    for number in range(piece):
        send("row", (number, device))


def test_messages_come_in_order_and_the_end_is_said(context):
    said = told(side_by_side(context, count, [3, 1, 0], Slots(("cpu",))))
    assert said == {
        3: [("row", (number, "cpu")) for number in range(3)] + [("done", None)],
        1: [("row", (0, "cpu")), ("done", None)],
        0: [("done", None)],
    }


def stay(piece, device, send):
    send("begun", (time.monotonic(), device))
    time.sleep(0.3)
    send("ended", time.monotonic())


def test_as_many_at_once_as_there_are_places_and_a_place_holds_one(context):
    said = told(side_by_side(context, stay, list("abcde"), TWO))
    spans = [(said[piece][0][1][0], said[piece][1][1], said[piece][0][1][1]) for piece in "abcde"]
    moments = [moment for start, end, _ in spans for moment in (start, end)]
    at_once = [[place for start, end, place in spans if start <= moment < end] for moment in moments]
    assert max(map(len, at_once)) == 2, "both places are used at once"
    assert all(len(places) == len(set(places)) for places in at_once), "and none twice"


def mishap(piece, device, send):
    send("row", piece)
    if piece == "line":
        raise SystemExit("params.yaml: wrong")
    if piece == "disk":
        raise OSError(28, "No space left on device", "file")
    if piece.startswith("fault"):
        sys.stderr = open(piece.partition(" ")[2], "w")
        raise ValueError("a fault of the program")
    if piece == "killed":
        os.kill(os.getpid(), signal.SIGKILL)


def test_one_that_fails_stops_no_other_and_says_why(context, tmp_path):
    fault = f"fault {tmp_path / 'errors'}"
    said = told(side_by_side(context, mishap, ["line", "disk", fault, "killed", "well"], TWO))
    assert {piece: lines[-1] for piece, lines in said.items()} == {
        "line": ("failed", "params.yaml: wrong"),
        "disk": ("failed", "file: No space left on device"),
        fault: ("failed", "failed, see the traceback above"),
        "killed": ("killed", "its process was ended by SIGKILL"),
        "well": ("done", None),
    }
    assert all(lines[:-1] == [("row", piece)] for piece, lines in said.items())
    errors = (tmp_path / "errors").read_text()
    assert errors.count("Traceback") == 1 and "ValueError: a fault of the program" in errors


def sleep(piece, device, send):
    send("pid", os.getpid())
    time.sleep(60)


def test_leaving_early_ends_all_at_once(context):
    with closing(side_by_side(context, sleep, [0, 1, 2], TWO)) as messages:
        processes = [psutil.Process(next(messages)[2]) for _ in range(2)]
        assert all(process.is_running() for process in processes)
        left_at = time.monotonic()
    _, left = psutil.wait_procs(processes, timeout=5)
    assert not left and time.monotonic() - left_at < 30


def write_down(piece, device, send):
    try:
        send("begun", None)
        time.sleep(60)
    except KeyboardInterrupt as error:
        time.sleep(0.5)
        error.add_note(f"the same command continues after {piece}")
        raise


def test_with_a_farewell_each_is_interrupted_and_says_what_it_has_written_down(context):
    heard = {}
    with closing(side_by_side(context, write_down, [0, 1, 2], TWO, heard.__setitem__)) as messages:
        assert {next(messages)[0], next(messages)[0]} == {0, 1}
    assert heard == {piece: f"interrupted; the same command continues after {piece}" for piece in (0, 1)}


def refuse_to_end(piece, device, send):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    send("pid", os.getpid())
    time.sleep(60)


def test_one_that_does_not_end_when_it_is_interrupted_is_killed(context, monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0.3)
    heard = {}
    with closing(side_by_side(context, refuse_to_end, [0, 1], TWO, heard.__setitem__)) as messages:
        processes = [psutil.Process(next(messages)[2]) for _ in range(2)]
    _, left = psutil.wait_procs(processes, timeout=5)
    assert not left and heard == dict.fromkeys([0, 1], "interrupted; the same command starts it again")


def test_a_kill_9_of_the_stage_which_can_tell_nobody_ends_all(context):
    """However long they would go on, and whatever they are about to import."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    stage = subprocess.Popen([sys.executable, "-m", "tests.stages.running.sleeper"], cwd=ROOT, env=environment)
    while len(family := psutil.Process(stage.pid).children(recursive=True)) < 4:
        assert stage.poll() is None
        time.sleep(0.02)
    stage.kill()
    stage.wait()
    _, left = psutil.wait_procs(family, timeout=30)
    for process in left:
        process.kill()
    assert not left


def add(one, other):
    if other is None:
        raise SystemExit("other: missing")
    return one + other, os.getpid(), os.getppid()


def test_a_question_is_answered_in_another_process_forked_from_one_that_has_imported_torch(context):
    answer, process, parent = ask(context, add, 2, 3)
    assert answer == 5 and process != os.getpid() != parent
    assert any("libtorch" in library.path for library in psutil.Process(parent).memory_maps())
    with pytest.raises(SystemExit, match="^other: missing$"):
        ask(context, add, 2, None)


@pytest.mark.parametrize(
    ("gpus", "machine", "places"),
    [
        (0, {}, ["auto"] * 4),
        (0, {"device": "cpu"}, ["cpu"] * 4),
        (0, {"threads": 2}, ["auto"] * 2),
        (0, {"threads": 3}, ["auto"]),
        (0, {"threads": 8}, ["auto"]),
        (0, {"side_by_side": 7}, ["auto"] * 7),
        (1, {}, ["cuda:0"]),
        (3, {}, ["cuda:0", "cuda:1", "cuda:2"]),
        (2, {"device": "cuda", "side_by_side": 3}, ["cuda:0", "cuda:1", "cuda:0"]),
        (3, {"device": "cuda:1"}, ["cuda:1"]),
        (3, {"device": "cuda:1", "side_by_side": 2}, ["cuda:1"] * 2),
        (3, {"device": "cpu"}, ["cpu"] * 4),
    ],
    ids=str,
)
def test_the_places_of_a_machine(monkeypatch, gpus, machine, places):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda pid: range(4))
    machine = MACHINE.model_copy(update={"device": "auto"} | machine)
    assert list(slots(machine).devices) == places
