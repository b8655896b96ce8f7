"""The variants that are compared, one file each: what it attaches to the network, and which parameters it reads.

A variant's file has

    READS = ("interval", "periodic")        the parts of params.yaml, beside `train`, that decide what it trains
    def attach(network, params): ...        puts its modules into the network and returns the names of the sites
    def unit(params): ...                   optional: what a step of its schedule is, "epoch" (without it) or "step"
    def settle(params, rates, seed): ...    optional: the parameters that the run goes by, `train` among them, with what
                                            follows from its length and seed; rates are its steps' learning rates
    def ready(network, optimiser): ...      optional: what is done before the first step

and the variant `dropout-periodic` is the file `dropout_periodic.py`. Another one is another file, and one stage in a
dvc.yaml (docs/extending.md).
"""

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from stages.params import Params


@dataclass(frozen=True)
class Variant:
    """What a variant's file says, with its name."""

    name: str
    reads: tuple[str, ...]
    attach: "Callable[[nn.Module, Params], list[str]]"
    unit: "Callable[[Params], str]"
    settle: "Callable[[Params, Sequence[float], int], Params]"
    ready: "Callable[[nn.Module, Optimizer], None]"


def names() -> list[str]:
    """The variants that there are, in alphabetical order."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Variant:
    """The variant of that name. Raises SystemExit, with the names that there are, where there is none."""
    if name not in names():
        close = get_close_matches(name, names(), n=1)
        known = f"did you mean {close[0]}?" if close else f"there are {', '.join(names())}"
        raise SystemExit(f"no variant {name!r} in stages/variants; {known}")
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    return Variant(
        name,
        module.READS,
        module.attach,
        unit=getattr(module, "unit", lambda params: "epoch"),
        settle=getattr(module, "settle", lambda params, rates, seed: params),
        ready=getattr(module, "ready", lambda network, optimiser: None),
    )
