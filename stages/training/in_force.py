"""What every method had in force, a sign or a strength, in every step of a run, as a run-length code."""

import torch
from torch import Tensor, nn

from noise.attaching import methods
from noise.schedule import signs, site_names

Row = tuple[str, str, int, int, float]


class InForce:
    """Collects it on the device, and turns it into rows (site, quantity, step, epoch, value) once an epoch.

    A row stands where the value differs from the step before; the first of each is step 1. Steps and epochs count from
    1. The quantity is "sign", of all methods at a site together, or what another method says ("p", "stddev").
    """

    def __init__(self, network: nn.Module, steps_per_epoch: int):
        self.network, self.signed = network, site_names(network)
        self.others = [
            (site, method)
            for site, _, method in methods(network)
            if hasattr(method, "in_force") and method.quantity != "sign"
        ]
        device = next(network.parameters()).device
        self.signs = torch.ones((steps_per_epoch, len(self.signed)), dtype=torch.int8, device=device)
        # Each where it is reported: nothing waits for another device.
        self.strengths = [torch.zeros(steps_per_epoch, device=_reported(method).device) for _, method in self.others]
        self.rows: list[Row] = []
        self.last: dict[str, float] = {}

    def observe(self, index: int) -> None:
        """Note what is in force in step `index` = 0.. of the epoch; no synchronisation."""
        if self.signed:
            self.signs[index] = signs(self.network)
        for strengths, (_, method) in zip(self.strengths, self.others):
            strengths[index] = _reported(method)

    def close_epoch(self, epoch: int) -> float:
        """Add the rows of an epoch; returns its share flipped."""
        observed = self.signs.cpu().numpy()
        before = (epoch - 1) * len(observed)
        for column, site in enumerate(self.signed):
            self._add(site, "sign", observed[:, column].tolist(), before, epoch)
        for strengths, (site, method) in zip(self.strengths, self.others):
            # float32 has seven digits: 0.2 shall be 0.2.
            self._add(
                site, str(method.quantity), [float(f"{value:.7g}") for value in strengths.tolist()], before, epoch
            )
        return float((1 - observed).mean() / 2) if observed.size else 0.0  # a site that is flipped in part counts half

    def _add(self, site: str, quantity: str, values: list[float], before: int, epoch: int) -> None:
        for index, value in enumerate(values):
            if value != self.last.get(f"{site} {quantity}"):
                self.rows.append((site, quantity, before + index + 1, epoch, value))
                self.last[f"{site} {quantity}"] = value

    @property
    def turns(self) -> int:
        """How often a sign has turned, over all sites."""
        signed = [step for _, quantity, step, _, _ in self.rows if quantity == "sign"]
        return len(signed) - signed.count(1)

    @property
    def first_turn(self) -> int | None:
        """The first step in which any feature is flipped, None while nothing was injected."""
        return min((step for _, quantity, step, _, sign in self.rows if quantity == "sign" and sign < 1), default=None)

    def state_dict(self) -> dict[str, list | dict]:
        """The rows so far, and the last value of each."""
        return {"rows": self.rows, "last": self.last}

    def load_state_dict(self, state: dict) -> None:
        """Take up where the record with this state stood."""
        self.rows, self.last = [tuple(row) for row in state["rows"]], dict(state["last"])


def _reported(method: nn.Module) -> Tensor:
    return method.in_force()  # type: ignore[operator]
