"""The benchmark's two contenders do the same work."""

import numpy as np
import torch

from benchmarks import circles
from stages.two_circles.training import Schedule, train_group
from tests.stages.two_circles.conftest import VARIANTS


def test_autograd_trains_the_same_models(repetitions):
    design = (repetitions[:3], VARIANTS, 40, Schedule(20, 0.01, test_interval=4), lambda epochs: None)
    ours, plain = train_group(*design), circles.plain_group(*design)
    torch.testing.assert_close(ours.models.flat, plain.models.flat, rtol=1e-3, atol=2e-5)
    for first, second in zip(ours[1:], plain[1:], strict=True):
        np.testing.assert_allclose(first, second, atol=0.04)  # a point at the very boundary may fall on either side


def test_it_prints_both_clocks(capsys):
    threads = torch.get_num_threads()
    circles.main(["--epochs", "10", "--repeats", "1"])
    torch.set_num_threads(threads)  # it keeps to one for each group
    first, *clocks = capsys.readouterr().out.splitlines()
    assert first.startswith("120 models of 500 units, 10 epochs")
    assert [line.split(":")[0].strip() for line in clocks] == ["wall clock", "processor"]
