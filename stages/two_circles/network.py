"""Many small perceptrons side by side: two inputs, one hidden layer of ReLU units, one logit.

Model m is the function  x -> relu([x, 1] kernel[m]) . output[m] + bias[m].  The hidden layer's bias is the third row of
its kernel, so that one batched matrix product serves all models.

What a step costs here is not arithmetic but memory: fresh memory for a hidden layer costs more than computing it. Hence
the buffers, and derivatives written out by hand, for which two tensors of the hidden layer's size are enough.
`python -m benchmarks.circles` times them against the same network left to autograd.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

PARTS = ("kernel", "output", "bias")  # of `Perceptrons`, which have the models in their first dimension


class Perceptrons:
    """Parameters of some models, zero at first, or anything else that has their shapes.

    flat: float32 (models * (4 * hidden + 1),), the memory of all others, so that an optimiser updates them in one go.
    kernel: (models, 3, hidden), its rows the weights of both inputs and the bias.
    output: (models, 1, hidden), the kernel of the second layer. bias: (models, 1, 1), its bias.
    """

    def __init__(self, models: int, hidden: int):
        self.flat = torch.zeros(models * (4 * hidden + 1))
        kernel, output, bias = self.flat.split([3 * models * hidden, models * hidden, models])
        self.kernel = kernel.view(models, 3, hidden)
        self.output = output.view(models, 1, hidden)
        self.bias = bias.view(models, 1, 1)

    def copy(self) -> "Perceptrons":
        """The same numbers in memory of their own."""
        models, _, hidden = self.kernel.shape
        copied = Perceptrons(models, hidden)
        copied.flat.copy_(self.flat)
        return copied


class Forward:
    """The logits of all models at points that stay the same: `x` (models, points, 3), see `with_ones`.

    `memory`, if given: at least `models * hidden * points` numbers, overwritten by each call.
    """

    def __init__(self, models: Perceptrons, x: Tensor, memory: Tensor | None = None):
        self.models, self.x = models, x
        shape = (len(x), models.kernel.shape[2], x.shape[1])
        self.layer = x.new_empty(shape) if memory is None else memory[: math.prod(shape)].view(shape)

    def __call__(self, out: Tensor | None = None) -> Tensor:
        """Logits (models, 1, points), in `out` where that is given."""
        # Units before points: a row vector times such a matrix is three times as fast as its transpose.
        torch.bmm(self.models.kernel.mT, self.x.mT, out=self.layer).relu_()
        return torch.bmm(self.models.output, self.layer, out=out).add_(self.models.bias)


class Backward:
    """The derivatives of every model's mean binary cross-entropy at points `x` (models, points, 3).

    Their labels are `y` (models, 1, points). Noise is added from outside, in place: to `x` at any time, to `hidden`
    (models, points, hidden) when it is called for. A call leaves the derivatives in `gradient`. It overwrites the first
    `2 * models * points * hidden` numbers of `memory`.
    """

    def __init__(self, models: Perceptrons, x: Tensor, y: Tensor, memory: Tensor):
        count, _, hidden = models.kernel.shape
        self.models, self.x, self.y = models, x, y
        self.gradient = Perceptrons(count, hidden)
        self.hidden, self.gate = memory[: 2 * count * x.shape[1] * hidden].view(2, count, x.shape[1], hidden)
        self.error = torch.empty_like(y)

    def __call__(self, before: Callable[[], object], after: Callable[[], object], out: Tensor | None = None) -> Tensor:
        """Logits (models, 1, points), in `out` where that is given.

        `before` and `after` are called when `hidden` is to receive its noise of before or after the ReLU.
        """
        models, gradient, hidden, error = self.models, self.gradient, self.hidden, self.error
        torch.bmm(self.x, models.kernel, out=hidden)
        before()
        torch.sign(hidden.relu_(), out=self.gate)
        after()
        logits = torch.bmm(models.output, hidden.mT, out=out).add_(models.bias)
        torch.sigmoid(logits, out=error).sub_(self.y).div_(self.y.shape[2])
        torch.sum(error, dim=2, keepdim=True, out=gradient.bias)
        torch.bmm(error, hidden, out=gradient.output)
        torch.bmm(self.x.mT * error, self.gate, out=gradient.kernel).mul_(models.output)
        return logits


def with_ones(x: Tensor) -> Tensor:
    """Points (..., 2) with a third column of ones, by which the kernels take their bias."""
    return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)


def glorot_uniform(hidden: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Kernels (2, hidden) and (hidden,) as Keras draws them for its dense layers.

    Uniform within sqrt(6 / (inputs + outputs)).
    """
    first, second = math.sqrt(6 / (2 + hidden)), math.sqrt(6 / (hidden + 1))
    return (
        torch.empty(2, hidden).uniform_(-first, first, generator=generator),
        torch.empty(hidden).uniform_(-second, second, generator=generator),
    )
