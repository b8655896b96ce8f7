"""Dynamic injection: a ReLU whose weight turns the features' sign by itself (paper section 3.2, Eq. 1 and 2)."""

import math
from collections.abc import Iterable
from operator import index
from typing import Any, Self

import torch
import torch.fx
from torch import Tensor, nn
from torch.optim import Optimizer

from noise.attaching import attach
from noise.autorelu import auto_relu, auto_relu_without_derivative, cliff_relu, exporting, signs_of
from noise.averages import Averaged
from noise.clipping import count_of, is_far_off
from noise.sites import Site
from noise.stillness import why_still

GRADIENTS = ("autograd", "exact")
DIVISORS = ("absolute", "signed")


class CliffReLU(nn.Module):
    """`cliff_relu` as a layer. Raises ValueError unless `constant` > 0."""

    def __init__(self, constant: float = 6.0):
        super().__init__()
        self.constant = _checked_constant(constant)

    def forward(self, x: Tensor) -> Tensor:
        return cliff_relu(x, self.constant)

    def extra_repr(self) -> str:
        return f"constant={self.constant}"


class AutoReLU(Averaged):
    """Eq. 2 as a layer: ReLU while its weight is positive, ReLU of the negated features while it is negative.

    Before each training forward the weights of a layer are set to their mean (section 3.2.1, Step 2), so that its
    channels turn together; an evaluation uses the mean without writing it. The sign is in force in evaluation, too.

    What moves the weight: the output depends on it through its sign alone, so the derivative is zero wherever there is
    one. Weight decay that is coupled into the gradient (`torch.optim.Adam`), and that Adam normalises to steps of about
    the learning rate, takes the weight to zero and past it. Under decoupled decay (AdamW), without decay, in a group
    that exempts vectors from it, or under SGD, it does not get there and nothing is ever injected: a warning at the
    first optimiser step says so. Near zero, autograd's rounding noise outgrows the decay and makes the turns irregular.

    Make the optimiser after the layer, or see `attach_dynamic`. Of the parallel wrappers use DistributedDataParallel:
    the replicas of DataParallel lose what is written to the weight. torch.func, torch.fx and torch.compile take the
    layer in training, too; torch.jit, torch.export and ONNX in evaluation alone. `clipped` counts what the clip did.

    Args:
        channels: C of the input (N, C, ...).
        start: of the weight, 0 < start < 1 (section 3.2.1). `noise.first_turn` says when the sign then turns first: at
            learning rate and decay 1e-4 after 43 steps from 0.003, 372 from 0.01, 6,274 from 0.1 and 13,332 from 0.5;
            `noise.start_for` is its inverse. That is for the "exact" gradient; with "autograd" the first site turns
            about as early or later, and some not for long (docs/first-turn.md).
        constant: of CliffReLU, > 0; features above constant / |w| become 0.
        gradient: by the weight. "autograd" is what autograd makes of Eq. 2 as written, in float32 at least: the
            difference of two equal sums, which is rounding noise of about 1e-9 at w = 0.5 and 1e-6 near zero (and 2^16
            times that in bfloat16). It is 0 where |w| is too small to divide by. "exact" is 0: the weight then swings
            around zero ever more closely and, after some 1,500 steps, underflows and keeps whichever sign it has.
        divide: by the "absolute" weight (the paper's text), or by the "signed" one (Eq. 2 to the letter): while w < 0,
            that lets the *negative* features pass unchanged, y = -|x|, of which a ReLU behind it leaves nothing.
        reinitialise: False leaves every channel a weight, and a sign, of its own.
        rectify: False where the plain network has no ReLU (before an addition, or Hardswish): then x sign(w) where
            |x| < constant / |w|, else 0.
        weight: a parameter of `channels` or 1 elements, shared with other layers, to use in place of an own one.

    Raises ValueError for an argument out of its range.
    """

    quantity = "sign"
    averaged = "weight"

    def __init__(
        self,
        channels: int,
        start: float,
        constant: float = 6.0,
        *,
        gradient: str = "autograd",
        divide: str = "absolute",
        reinitialise: bool = True,
        rectify: bool = True,
        weight: nn.Parameter | None = None,
    ):
        super().__init__()
        if channels < 1:
            raise ValueError(f"channels must be >= 1, got {channels}")
        if not 0 < start < 1:
            raise ValueError(f"start must lie between 0 and 1, both excluded (paper, section 3.2.1), got {start}")
        if gradient not in GRADIENTS:
            raise ValueError(f"gradient must be one of {', '.join(GRADIENTS)}, got {gradient!r}")
        if divide not in DIVISORS:
            raise ValueError(f"divide must be one of {', '.join(DIVISORS)}, got {divide!r}")
        if weight is not None and weight.shape not in ((1,), (channels,)):
            raise ValueError(f"weight must have the shape (1,) or ({channels},), got {tuple(weight.shape)}")
        self.channels = index(channels)
        self.start = float(start)
        self.constant = _checked_constant(constant)
        self.gradient = gradient
        self.divide = divide
        self.reinitialise = reinitialise
        self.rectify = rectify
        self.weight = nn.Parameter(torch.full((channels,), self.start)) if weight is None else weight
        # -1 before the first evaluation. No buffer, since tools that average a network average its buffers.
        self._clipped = torch.tensor(-1)

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            if self.training:
                raise RuntimeError(
                    "a scripted AutoReLU evaluates alone: call eval(), or train what it was scripted from"
                )
            return self._without_derivative(x, self.weight)[0]
        else:
            return _forward(self, x)

    def _without_derivative(self, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        weight = weight.mean() if self.reinitialise else weight
        return auto_relu_without_derivative(x, weight, self.constant, self.divide, self.rectify)

    def in_force(self) -> Tensor:
        """The sign of the next forward, +1. or -1. (where channels differ, its mean): 0-dim float32, without a sync.

        Between a forward and the optimiser's step that follows, it is what that forward had.
        """
        return self._signs().mean()

    def sign(self) -> Tensor:
        """What an evaluation multiplies the features by, before it rectifies: float32, shape () or (channels,).

        Raises ValueError where that is no sign: divided by the "signed" weight while that is negative.
        """
        signs = self._signs()
        if self.divide == "absolute":
            return signs
        if self.rectify and bool((signs < 0).any()):
            raise ValueError(
                'AutoReLU(divide="signed") with a negative weight passes what is negative: that is no sign'
            )
        return torch.ones_like(signs)

    def still(self, optimizer: Optimizer, group: dict[str, Any]) -> str | None:
        """Why the sign does not turn under a parameter group of an `optimizer`, in words; None where it does."""
        return why_still(self, optimizer, group)

    def clipped(self) -> int | None:
        """How many features evaluations have set to 0 because they reached constant / |w|; waits for the device.

        Counted since the layer was last set to training; None where there was no evaluation since.
        """
        count = int(self._clipped)
        return None if count < 0 else count

    def more_than_its_sign(self, norm: nn.Module | None) -> str | None:
        """What an evaluation does beside sign and ReLU: clip features. None where it does not; waits for the device.

        Where none was seen since training, the output of the BatchNorm `norm` before it must lie 10 of its standard
        deviations below the cliff.
        """
        count = self.clipped()
        if count:
            return (
                f"has set {count:,} features to 0 that lay above constant / |w|, as no plain network does: leave it in"
            )
        if count is None and not is_far_off(norm, self.constant / self.current().detach().abs().mean()):
            return "may clip features, and no evaluation shows whether it does: evaluate once, then fold"
        return None

    def reset_parameters(self) -> None:
        """Sets the weight to `start`."""
        self.claim()
        with torch.no_grad():
            self.weight.fill_(self.start)
        self._clipped.fill_(-1)

    def train(self, mode: bool = True) -> Self:
        if mode:
            self._clipped.fill_(-1)
        return super().train(mode)

    def _signs(self) -> Tensor:
        weight = self.current().detach()
        return signs_of(weight.mean() if self.reinitialise else weight.squeeze())

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        self._clipped = fn(self._clipped)
        return self

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        # Made anew: with load_state_dict(assign=True) the weight may have come off the meta device.
        self._clipped = torch.tensor(-1, device=self.weight.device)

    def extra_repr(self) -> str:
        return (
            f"{self.channels}, start={self.start}, constant={self.constant}, gradient={self.gradient}, "
            f"divide={self.divide}, reinitialise={self.reinitialise}, rectify={self.rectify}"
        )


@torch.fx.wrap
def _forward(layer: "AutoReLU", x: Tensor) -> Tensor:
    """What `AutoReLU` does; torch.fx takes it as one call, in which the mode of the layer decides as ever."""
    if layer.training and torch.is_grad_enabled() and layer.weight.requires_grad:
        layer.claim()  # not a teacher, a frozen average that is called in training mode
    weight = layer.current()
    if exporting():
        if layer.training:
            raise RuntimeError("the derivative of AutoReLU cannot be traced or exported: call eval() first")
        return layer._without_derivative(x, weight)[0]
    if not layer.training and not torch._C._are_functorch_transforms_active():
        y, below = layer._without_derivative(x.detach(), weight)
        layer._clipped.clamp_(min=0).add_(count_of(below).to(layer._clipped.device))
        if not torch.is_grad_enabled():
            return y
    if layer.training and layer.reinitialise and weight is layer.weight:
        _set_to_mean(weight)
        # A second forward before the backward writes the parameter again; what this one saves must outlive that.
        weight = weight.clone()
    elif layer.reinitialise:
        weight = weight.mean().expand_as(weight)
    return auto_relu(x, weight, layer.constant, gradient=layer.gradient, divide=layer.divide, rectify=layer.rectify)


def _set_to_mean(weight: Tensor) -> None:
    with torch.no_grad():
        if not torch._C._are_functorch_transforms_active():
            weight.copy_(weight.mean())
            return
        try:
            weight.copy_(weight.mean())
        except RuntimeError as error:  # a tensor that the transform does not know
            raise RuntimeError(
                "AutoReLU in training writes to its weight: hand all parameters to the transformed function, and on to "
                "torch.func.functional_call, or call eval() first"
            ) from error


def attach_dynamic(
    model: nn.Module,
    start: float,
    sites: str | Iterable[str] = "first",
    *,
    weight: str = "channel",
    example_input: Any = None,
    optimizer: Optimizer | Iterable[Optimizer] | None = None,
    **autorelu: Any,
) -> list[str]:
    """Attaches an `AutoReLU` at each of the `sites` (`noise.find_sites`) and returns their names.

    It rectifies just where a ReLU follows, so that the network stays what it was until the first turn. `weight` is one
    for each "channel" of a site, or a single one over the whole "network"; `autorelu` are further arguments of
    `AutoReLU`. `example_input` and `optimizer`, the one that trains the network if it is made already, are as of
    `noise.attach`. Raises ValueError as the two do, and on another `weight`.
    """
    if weight not in ("channel", "network"):
        raise ValueError(f"weight must be one of channel, network, got {weight!r}")
    shared = nn.Parameter(torch.full((1,), float(start))) if weight == "network" else None

    def make(site: Site) -> AutoReLU:
        return AutoReLU(site.channels, start, rectify=site.rectified, weight=shared, **autorelu)

    return attach(model, make, sites, example_input=example_input, optimizer=optimizer)


def clipped(model: nn.Module) -> dict[str, int | None]:
    """`AutoReLU.clipped` of each such layer of `model`, by the module's name."""
    return {name: module.clipped() for name, module in model.named_modules() if isinstance(module, AutoReLU)}


def _checked_constant(constant: float) -> float:
    if not (math.isfinite(constant) and constant > 0):
        raise ValueError(f"constant must be finite and > 0, got {constant}")
    return float(constant)
