"""CliffReLU and AutoReLU as functions: Eq. 1 and 2 of the paper, and what autograd makes of them (section 3.2)."""

import torch
from torch import Tensor


def cliff_relu(x: Tensor, constant: float | Tensor) -> Tensor:
    """Eq. 1: `x` where 0 < x < constant, else 0, and NaN where x is, as in ReLU. A tensor `constant` broadcasts."""
    fixed = x.detach()
    return _keep(x, _margin(fixed, constant - fixed, True))


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
    arguments = x, _beside(weight, x), constant, gradient, divide, rectify
    if torch._C._are_functorch_transforms_active() and not torch.compiler.is_compiling():
        return _Transformed.apply(*arguments)[0]
    return _AutoReLU.apply(*arguments)


def auto_relu_without_derivative(
    x: Tensor, weight: Tensor, constant: float, divide: str, rectify: bool
) -> tuple[Tensor, Tensor]:
    """The output of `auto_relu`, and how far each feature lies below the clip (<= 0 where it is set to 0).

    In operations that torch.jit.script and the exporters know. Autograd has the derivative by `x`, none by `weight`.
    """
    weight = _beside(weight.detach(), x)
    value, margin, below = _parts(x, weight, signs_of(weight).to(x.dtype), constant, divide, rectify)
    return _keep(value, margin.detach()), below


class _AutoReLU(torch.autograd.Function):
    """The sign form of Eq. 2, with the gradients of the literal form; `weight` has the shape (1, C or 1, 1, ...)."""

    @staticmethod
    def forward(ctx, x, weight, constant, gradient, divide, rectify):
        sign = signs_of(weight).to(x.dtype)
        value, margin = _parts(x, weight, sign, constant, divide, rectify)[:2]
        _AutoReLU.save(ctx, x, weight, sign, margin, constant, gradient, divide)
        return _keep(value, margin)

    @staticmethod
    def save(ctx, x, weight, sign, margin, constant, gradient, divide):
        ctx.constant, ctx.gradient, ctx.divide = constant, gradient, divide
        # The input and not the output: a ReLU(inplace=True) behind this layer overwrites the output.
        ctx.save_for_backward(x if gradient == "autograd" else None, weight, sign, margin)

    @staticmethod
    def backward(ctx, grad, *_):
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


class _Transformed(_AutoReLU):
    """The same for torch.func, at the price of some 30 microseconds a call, and without torch.compile.

    The margin is an output here: torch.func saves nothing for the backward but inputs and outputs.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x, weight, constant, gradient, divide, rectify):
        value, margin = _parts(x, weight, signs_of(weight).to(x.dtype), constant, divide, rectify)[:2]
        return _keep(value, margin), margin

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, constant, gradient, divide, _ = inputs
        sign, margin = signs_of(weight).to(x.dtype), output[1]
        ctx.mark_non_differentiable(margin)
        ctx.save_for_forward(sign, margin)
        _AutoReLU.save(ctx, x, weight, sign, margin, constant, gradient, divide)

    @staticmethod
    def jvp(ctx, tangent, *_):
        sign, margin = ctx.saved_tensors
        if tangent is None:  # only the weight has one, and the derivative by it is zero
            return torch.zeros_like(margin), None
        return _keep(tangent if ctx.divide == "signed" else tangent * sign, margin), None


def exporting() -> bool:
    """Whether the operations are recorded for a program without autograd: torch.jit.trace, torch.export, ONNX."""
    # `torch.compiler.is_exporting()` is True while torch 2.11 compiles, too.
    return torch.jit.is_tracing() or torch.compiler._is_exporting_flag


def _beside(weight: Tensor, x: Tensor) -> Tensor:
    """`weight` in a shape that broadcasts along the channels of `x`."""
    return weight.view([1, -1] + [1] * (x.dim() - 2))


def _parts(
    x: Tensor, weight: Tensor, sign: Tensor, constant: float, divide: str, rectify: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """What passes where its margin is positive, that margin, and the distance below the clip alone."""
    u = x * sign
    limit = constant / weight.abs()
    below = limit - u if rectify else limit - u.abs()
    return x if divide == "signed" else u, _margin(u, below, rectify), below


def _margin(u: Tensor, below: Tensor, rectify: bool) -> Tensor:
    """How far `u` lies inside of (0, limit), or, not rectified, inside of (-limit, limit); NaN where `u` is."""
    return (torch.minimum(u, below) if rectify else below).to(u.dtype)


def _keep(value: Tensor, margin: Tensor) -> Tensor:
    """`value` where `margin` is positive or NaN, else 0.

    This is the kernel of ReLU's derivative. On a CPU it takes a tenth of the time of `torch.where`, which is not
    vectorised over a bool mask. Exporters do not know it.
    """
    if torch.jit.is_scripting():
        return value.masked_fill(margin <= 0, 0)
    else:
        if exporting():
            return value.masked_fill(margin <= 0, 0)
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
        through_divisor = through_divisor * signs_of(weight)
    return torch.where(divisible, through_product - through_divisor, 0).to(weight.dtype)


def signs_of(weight: Tensor) -> Tensor:
    """-1. where the weight is negative, else 1."""
    return torch.where(weight < 0, -1.0, 1.0)
