"""What ends a run is one line that says what to do; a fault of the program is none."""

import pytest
import torch

from stages.ending import Mistake
from stages.running.ending import in_one_line, said_once
from stages.training.loop import Diverged

GO_ON = "the same command continues from the last checkpoint"


def noted(error, note=GO_ON):
    """The error as it leaves a run."""
    error.add_note(note)
    return error


# As torch words them: the second on a GPU, for AlexNet and VGG.
CROWDED = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 139.81 GiB of which ..."
RANDOM = (
    "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation, "
    "but you set 'torch.use_deterministic_algorithms(True)'."
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (noted(KeyboardInterrupt()), f"interrupted; {GO_ON}"),
        (noted(KeyboardInterrupt(), "the same command begins anew"), "interrupted; the same command begins anew"),
        (noted(Diverged("the training loss is nan")), "the training loss is nan"),
        (Mistake("params.yaml: wrong"), "params.yaml: wrong"),
        (noted(OSError(28, "No space left on device", "file")), f"file: No space left on device; {GO_ON}"),
        (noted(OSError("the disk is gone")), f"the disk is gone; {GO_ON}"),
        (noted(FileNotFoundError(2, "No such file", "file")), "file: No such file"),
        (OSError(28, "No space left on device", "file"), "file: No space left on device"),
        (noted(OSError(28, "No space left on device", "file"), "another note"), "file: No space left on device"),
        (torch.OutOfMemoryError(CROWDED), "CUDA out of memory: lower train.batch_size or data.side"),
        (
            RuntimeError(RANDOM),
            "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation: "
            "set train.deterministic to false, or choose another train.network",
        ),
        (
            torch._dynamo.exc.TorchDynamoException("no compiler\nhere"),
            "compilation failed (no compiler): set machine.compile to off",
        ),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"), None),
        (RuntimeError(), None),
        (ValueError("a fault"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_ends_a_run(error, line):
    assert in_one_line(error) == line


@pytest.mark.parametrize(
    ("error", "first", "second"),
    [
        (Diverged("the loss is nan"), "baseline, seed 0: the loss is nan", 1),
        (SystemExit("params.yaml: wrong"), "params.yaml: wrong", 1),
        (noted(KeyboardInterrupt()), f"baseline, seed 0: interrupted; {GO_ON}", 1),
        (
            noted(OSError(28, "No space left on device", "file")),
            f"baseline, seed 0: file: No space left on device; {GO_ON}",
            f"baseline, seed 0, process 1: file: No space left on device; {GO_ON}",
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried ..."),
            "baseline, seed 0: CUDA out of memory: lower train.batch_size or data.side",
            "baseline, seed 0, process 1: CUDA out of memory: lower train.batch_size or data.side",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_befalls_all_processes_is_said_once_and_what_befalls_one_by_it(error, first, second):
    for rank, code in ((0, first), (1, second)):
        assert said_once("baseline, seed 0", rank, error).code == code


def test_a_fault_of_the_program_keeps_its_traceback():
    assert said_once("baseline, seed 0", 0, ValueError("a fault")) is None
    assert said_once("baseline, seed 0", 1, RuntimeError("a fault")) is None
