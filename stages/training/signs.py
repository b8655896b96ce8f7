"""The sign at every site in every step of a run, as a run-length code."""

import torch
from torch import nn

from noise.schedule import signs, site_names


class SignRecord:
    """Collects the signs on the device, and turns them into rows (site, step, epoch, sign) once an epoch.

    A row stands where a site's sign differs from the step before; the first row of each site is step 1. Steps and
    epochs count from 1.
    """

    def __init__(self, network: nn.Module, steps_per_epoch: int):
        self.network, self.names = network, site_names(network)
        device = next(network.parameters()).device
        self.buffer = torch.ones((steps_per_epoch, len(self.names)), dtype=torch.int8, device=device)
        self.rows: list[tuple[str, int, int, int]] = []
        self.last: list[int | None] = [None] * len(self.names)

    def observe(self, index: int) -> None:
        """Note the signs in force in step `index` = 0.. of the epoch; no synchronisation."""
        if self.names:
            self.buffer[index] = signs(self.network)

    def close_epoch(self, epoch: int) -> float:
        """Add the rows of an epoch; returns its share flipped."""
        observed = self.buffer.cpu().numpy()
        before = (epoch - 1) * len(self.buffer)
        for column, name in enumerate(self.names):
            for index, sign in enumerate(observed[:, column].tolist()):
                if sign != self.last[column]:
                    self.rows.append((name, before + index + 1, epoch, sign))
                    self.last[column] = sign
        return float((observed < 0).mean()) if observed.size else 0.0

    @property
    def turns(self) -> int:
        """How often a sign has turned, over all sites."""
        return len(self.rows) - sum(last is not None for last in self.last)

    @property
    def first_turn(self) -> int | None:
        """The first step with a negative sign anywhere, None while nothing was injected."""
        return min((step for _, step, _, sign in self.rows if sign < 0), default=None)

    def state_dict(self) -> dict[str, list]:
        """The rows so far, and the last sign of each site."""
        return {"rows": self.rows, "last": self.last}

    def load_state_dict(self, state: dict[str, list]) -> None:
        """Take up where the record with this state stood."""
        self.rows, self.last = [tuple(row) for row in state["rows"]], list(state["last"])
