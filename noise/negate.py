"""The control of periodic injection: Algorithm 1 as one rewriting of the weights at each turn, none of the features.

A network whose features are multiplied by -1 behind a BatchNorm trains as one whose BatchNorm's weight and bias, and
their first moments in the optimiser, are negated once at each turn of the flag: the same losses and logits to the bit,
for BatchNorm is odd in weight and bias, and so is every update by which optimisers move them. While the flag is set,
the weights, moments and gradients of the one are those of the other with the sign changed. Negating the weights without
the moments (`moments=False`) is another training, which parts from it one step after the first turn.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import LBFGS, Optimizer

from noise.attaching import attach
from noise.periodic import PeriodicSign, checked_interval
from noise.sites import Site

# What optimisers keep for each element of a parameter: what changes sign with it, and what does not (squares, sizes).
ODD = {"exp_avg", "momentum_buffer", "grad_avg", "prev", "ax"}
EVEN = {"exp_avg_sq", "max_exp_avg_sq", "exp_inf", "square_avg", "acc_delta", "sum", "step_size", "variance"}


class Negate(PeriodicSign):
    """Negates the weight and bias of `norm`, their moments and gradients at each turn of Algorithm 1's flag.

    The forward returns its input. Weights in a checkpoint are as the flag in it says, negated or not, so that a resumed
    run does not negate twice. An average over a turn cancels weights that such an average under `SignFlip` would not.
    A copy, or an unpickled one, has no optimiser until `bind`.

    Args:
        norm: a BatchNorm with weight and bias; it is no child of this module.
        interval, share: as of `PeriodicSign`; the channels are those of `norm`.
        moments: False negates the weights alone and needs no optimiser.

    Raises ValueError for a `norm` without weight and bias, and as `PeriodicSign` does.
    """

    __jit_ignored_attributes__ = ("_origin", "_norm", "_optimizer")
    identity_in_evaluation = True

    def __init__(self, norm: nn.Module, interval: int | Iterable[int], *, share: float = 1.0, moments: bool = True):
        if not (isinstance(norm, _BatchNorm) and isinstance(norm.weight, Tensor) and isinstance(norm.bias, Tensor)):
            raise ValueError(f"negate needs a BatchNorm with weight and bias (affine=True), got {norm}")
        super().__init__(interval, norm.num_features, share)
        self.moments = moments
        self._norm = (norm,)  # a tuple keeps it from becoming a child
        self._optimizer: Optimizer | None = None

    def forward(self, x: Tensor) -> Tensor:
        return x

    def holds(self, optimizer: Optimizer) -> bool:
        """Whether `optimizer` has the weight and the bias; frozen ones need none."""
        known = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        return all(id(parameter) in known or not parameter.requires_grad for parameter in self._parameters_of_norm())

    def bind(self, optimizer: Optimizer) -> None:
        """Takes the moments from `optimizer` from now on. Raises ValueError unless it holds them, each by itself."""
        if isinstance(optimizer, LBFGS):
            raise ValueError("LBFGS keeps one state for all parameters, which negate cannot negate in part")
        if not self.holds(optimizer):
            raise ValueError("the optimizer does not hold the BatchNorm's weight and bias: make it of this network")
        self._optimizer = optimizer

    def _turn_to(self, flag: bool | Tensor) -> None:
        tensors = list(self._negated())
        before = self._signs()
        super()._turn_to(flag)
        # Multiplies by 1 where nothing turns: to look would wait for the device.
        factor = self._signs() * before
        with torch.no_grad():
            for tensor in tensors:
                tensor.mul_(factor.to(tensor.device))

    def _negated(self) -> Iterator[Tensor]:
        """What changes sign at a turn. Raises ValueError where an optimiser keeps what is in neither list above."""
        for parameter in self._parameters_of_norm():
            yield parameter
            if not self.moments:
                continue
            if self._optimizer is None:
                raise ValueError("negate knows no optimizer: call noise.negate.bind(model, optimizer) after making it")
            if parameter.grad is not None:
                yield parameter.grad
            state: dict[str, Any] = self._optimizer.state.get(parameter, {})
            for name, value in state.items():
                if not isinstance(value, Tensor) or value.shape != parameter.shape or name in EVEN:
                    continue
                if name not in ODD:
                    kind = type(self._optimizer).__name__
                    raise ValueError(
                        f"{kind} keeps {name!r} for BatchNorm's weights, of which negate does not know whether it "
                        "changes sign with them: add it to noise.negate.ODD or noise.negate.EVEN"
                    )
                yield value

    def _parameters_of_norm(self) -> tuple[Tensor, Tensor]:
        return self._norm[0].weight, self._norm[0].bias  # type: ignore[return-value]

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_optimizer": None}

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, moments={self.moments}"


def attach_negate(
    model: nn.Module,
    interval: int | Iterable[int],
    sites: str | Iterable[str] = "first",
    *,
    share: float = 1.0,
    example_input: Any = None,
    optimizer: Optimizer | Literal["later"] | None = None,
    moments: bool = True,
) -> list[str]:
    """Attaches a `Negate` at each of the `sites` (`noise.find_sites`) and returns their names; `set_step` turns them.

    It adds no parameter, so that the optimiser can be made before. Where it is made afterwards, pass "later" and call
    `bind(model, optimizer)` then; `set_step` refuses to go on without. `moments=False` needs none. `interval` and
    `share` are as of `noise.attach_periodic`.

    Raises ValueError as `attach` and `Negate` do, without an optimiser, for one that does not hold the BatchNorms'
    parameters, and for sites that are no BatchNorm (behind additions).
    """
    if moments and optimizer is None:
        raise ValueError(
            "attach_negate needs optimizer=, whose moments it negates: pass it, or 'later' to call "
            "noise.negate.bind(model, optimizer) after making it, or moments=False to leave the moments"
        )
    interval = checked_interval(interval)  # once: the turns may be an iterator

    def make(site: Site) -> Negate:
        if site.addition is not None:
            raise ValueError(f"{site.name} lies behind an addition and is no BatchNorm whose weights could be negated")
        norm = next(module for module in model.get_submodule(site.name).modules() if isinstance(module, _BatchNorm))
        try:
            method = Negate(norm, interval, share=share, moments=moments)
            if moments and isinstance(optimizer, Optimizer):
                method.bind(optimizer)
        except ValueError as error:
            raise ValueError(f"{site.name}: {error}") from None
        return method

    return attach(model, make, sites, example_input=example_input)


def bind(model: nn.Module, optimizer: Optimizer) -> None:
    """Tells every `Negate` of `model` whose weights `optimizer` updates that their moments are there.

    Raises ValueError where there is none, and as `Negate.bind` does.
    """
    found = [module for module in model.modules() if isinstance(module, Negate) and module.holds(optimizer)]
    if not found:
        raise ValueError(f"no Negate of {type(model).__name__} has its BatchNorm's weight and bias in this optimizer")
    for module in found:
        module.bind(optimizer)
