"""Dynamic injection: a ReLU whose weight turns the features' sign by itself (paper section 3.2, Eq. 1 and 2)."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from noise.attaching import attach
from noise.sites import Site

GRADIENTS = ("autograd", "exact")
DIVISORS = ("absolute", "signed")


def cliff_relu(x: Tensor, constant: float | Tensor) -> Tensor:
    """Eq. 1: `x` where 0 < x < constant, else 0, and NaN where x is, as in ReLU. A tensor `constant` broadcasts."""
    return _keep(x, _margin(x.detach(), constant))


class CliffReLU(nn.Module):
    """`cliff_relu` as a layer. Raises ValueError unless `constant` > 0."""

    def __init__(self, constant: float = 6.0):
        super().__init__()
        self.constant = _checked_constant(constant)

    def forward(self, x: Tensor) -> Tensor:
        return cliff_relu(x, self.constant)

    def extra_repr(self) -> str:
        return f"constant={self.constant}"


def auto_relu(
    x: Tensor,
    weight: Tensor,
    constant: float = 6.0,
    *,
    gradient: str = "autograd",
    divide: str = "absolute",
    rectify: bool = True,
) -> Tensor:
    """Eq. 2, `CliffReLU(x w) / |w|`, for `x` (N, C, ...) and `weight` (C,) or (1,); the rest is as of `AutoReLU`.

    Computed as u = x sign(w), then u where 0 < u < constant / |w|, else 0, with sign(0) = 1: the same function, but
    safe at any w, exact in any dtype, and ReLU to the bit while w > 0 and x < constant / w. Shape and dtype are x's.
    """
    return _AutoReLU.apply(x, weight.view(1, -1, *[1] * (x.dim() - 2)), constant, gradient, divide, rectify)


class AutoReLU(nn.Module):
    """Eq. 2 as a layer: ReLU while its weight is positive, ReLU of the negated features while it is negative.

    Before each training forward the weights of a layer are set to their mean (section 3.2.1, Step 2), so that its
    channels turn together; an evaluation uses the mean without writing it. The sign is in force in evaluation, too.

    What moves the weight: the output depends on it through its sign alone, so the derivative is zero wherever there is
    one. Weight decay that is coupled into the gradient (`torch.optim.Adam`), and that Adam normalises to steps of about
    the learning rate, takes the weight to zero and past it. Under decoupled decay (AdamW), without decay, or in a
    parameter group that exempts vectors from it, the weight stays and nothing is ever injected. Near zero, autograd's
    rounding noise outgrows the decay and makes the turns irregular.

    Make the optimiser after the layer. Of the parallel wrappers use DistributedDataParallel: the replicas of
    DataParallel lose what is written to the weight.

    Args:
        channels: C of the input (N, C, ...).
        start: of the weight, 0 < start < 1 (section 3.2.1). At learning rate and decay 1e-4 the sign first turns after
            about 43 steps from 0.003, 370 from 0.01, 6,300 from 0.1 and 13,300 from 0.5.
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
        self.channels = channels
        self.start = start
        self.constant = _checked_constant(constant)
        self.gradient = gradient
        self.divide = divide
        self.reinitialise = reinitialise
        self.rectify = rectify
        self.weight = nn.Parameter(torch.full((channels,), start)) if weight is None else weight

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        if self.reinitialise and not self.training:
            weight = weight.mean().expand_as(weight)
        elif self.reinitialise:
            with torch.no_grad():
                weight.copy_(weight.mean())
            # A second forward before the backward writes the parameter again; what this one saves must outlive that.
            weight = weight.clone()
        return auto_relu(x, weight, self.constant, gradient=self.gradient, divide=self.divide, rectify=self.rectify)

    def flipped(self) -> Tensor:
        """Whether the next forward will negate, as a 0-dim bool tensor; where channels differ, of their mean.

        Between a forward and the optimiser's step that follows, it is what that forward did.
        """
        return self.weight.detach().mean() < 0

    def extra_repr(self) -> str:
        return (
            f"{self.channels}, start={self.start}, constant={self.constant}, gradient={self.gradient}, "
            f"divide={self.divide}, reinitialise={self.reinitialise}, rectify={self.rectify}"
        )


def attach_dynamic(
    model: nn.Module, start: float, sites: str | Iterable[str] = "first", *, weight: str = "channel", **autorelu
) -> list[str]:
    """Attaches an `AutoReLU` at each of the `sites` (`noise.find_sites`) and returns their names.

    It rectifies just where a ReLU follows, so that the network stays what it was until the first turn. `weight` is one
    for each "channel" of a site, or a single one over the whole "network"; `autorelu` are further arguments of
    `AutoReLU`. Raises ValueError as the two do, and on another `weight`.
    """
    if weight not in ("channel", "network"):
        raise ValueError(f"weight must be one of channel, network, got {weight!r}")
    shared = nn.Parameter(torch.full((1,), start)) if weight == "network" else None

    def make(site: Site) -> AutoReLU:
        return AutoReLU(site.channels, start, rectify=site.rectified, weight=shared, **autorelu)

    return attach(model, make, sites)


class _AutoReLU(torch.autograd.Function):
    """The sign form of Eq. 2, with the gradients of the literal form; `weight` has the shape (1, C or 1, 1, ...)."""

    @staticmethod
    def forward(ctx, x, weight, constant, gradient, divide, rectify):
        sign = _sign(weight).to(x.dtype)
        u = x * sign
        margin = _margin(u, constant / weight.abs(), rectify)
        ctx.constant, ctx.gradient, ctx.divide = constant, gradient, divide
        # The input and not the output: a ReLU(inplace=True) behind this layer overwrites the output.
        ctx.save_for_backward(x if gradient == "autograd" else None, weight, sign, margin)
        return _keep(x if divide == "signed" else u, margin)

    @staticmethod
    def backward(ctx, grad):
        x, weight, sign, margin = ctx.saved_tensors
        grad = _keep(grad, margin)
        grad_x = grad if ctx.divide == "signed" else grad * sign
        if not ctx.needs_input_grad[1]:
            grad_weight = None
        elif ctx.gradient == "exact":
            # Zeros and not None: an optimiser skips a parameter without gradient, and its weight decay with it.
            grad_weight = torch.zeros_like(weight)
        else:
            grad_weight = _rounding_noise(_keep(x, margin), weight, grad, ctx.constant, ctx.divide)
        return grad_x, grad_weight, None, None, None, None


def _margin(u: Tensor, limit: float | Tensor, rectify: bool = True) -> Tensor:
    """How far `u` lies inside of (0, limit), or, not rectified, inside of (-limit, limit); NaN where `u` is."""
    return (torch.minimum(u, limit - u) if rectify else limit - u.abs()).to(u.dtype)


def _keep(value: Tensor, margin: Tensor) -> Tensor:
    """`value` where `margin` is positive or NaN, else 0.

    This is the kernel of ReLU's derivative. On a CPU it takes a tenth of the time of `torch.where`, which is not
    vectorised over a bool mask.
    """
    return torch.ops.aten.threshold_backward(value, margin, 0)


def _rounding_noise(x: Tensor, weight: Tensor, grad: Tensor, constant: float, divide: str) -> Tensor:
    """What autograd returns as the derivative of `CliffReLU(x w) / |w|` by w, operation by operation.

    One sum comes through the product and one through the divisor; they are equal and opposite but for rounding. `x` and
    `grad` are zero where the output is.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    x, grad = x.to(wide), grad.to(wide)
    # Each x / |w| here is below constant / w^2: where that overflows, the literal form has no finite derivative.
    divisible = (constant / weight.abs() / weight.abs()).isfinite()
    divisor = torch.where(divisible, weight.abs() if divide == "absolute" else weight, 1)
    through_product = (grad / divisor * x).sum_to_size(weight.shape)
    through_divisor = (grad * (x * weight / divisor / divisor)).sum_to_size(weight.shape)
    if divide == "absolute":
        through_divisor = through_divisor * _sign(weight)
    return torch.where(divisible, through_product - through_divisor, 0).to(weight.dtype)


def _sign(weight: Tensor) -> Tensor:
    return torch.where(weight < 0, -1.0, 1.0)


def _checked_constant(constant: float) -> float:
    if not (math.isfinite(constant) and constant > 0):
        raise ValueError(f"constant must be finite and > 0, got {constant}")
    return constant
