"""What a repetition's seed is spent on: streams of random numbers, independent of each other and of the company."""

from collections.abc import Sequence

import numpy as np
import torch

WEIGHTS, INPUT, HIDDEN = range(3)


def stream(seed: int, purpose: int) -> torch.Generator:
    """The random numbers of one seed for one purpose: WEIGHTS, INPUT or HIDDEN."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence((seed, purpose)).generate_state(1)[0]))


class Normal:
    """Standard normal numbers, from a stream for each seed: `values` (seeds, *shape), anew with each `draw`."""

    def __init__(self, seeds: Sequence[int], purpose: int, shape: tuple[int, ...]):
        self.values = torch.empty(len(seeds), *shape)
        self.generators = [stream(seed, purpose) for seed in seeds]

    def draw(self) -> None:
        for row, generator in zip(self.values, self.generators):
            row.normal_(generator=generator)
