"""Convolutions over few positions, as matrix products.

The last stages of a ResNet on small images convolve 512 channels over 2x2 or 3x3 positions. oneDNN's convolution
kernels split that work over positions, of which there are too few; one product of the (images x positions, kernel x
channels) matrix with the weights has no such limit. `python -m benchmarks.training` shows what it is worth on a
processor, in its row "oneDNN's own convolutions".
"""

import torch
import torch.nn.functional as F
from torch import nn

MOST_POSITIONS = 16  # of the output; from about 36 on, oneDNN's own kernels win


class _MatrixConvolution(torch.autograd.Function):
    """conv2d of x (N, C, H, W) with weight (O, C, k, k), both channels-last, without bias, groups or dilation."""

    @staticmethod
    def forward(ctx, x, weight, stride, padding):
        n, c, height, width = x.shape
        o, _, k, _ = weight.shape
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding))
        windows = padded.unfold(1, k, stride).unfold(2, k, stride)  # (N, h, w, C, k, k)
        h, w = windows.shape[1:3]
        columns = windows.permute(0, 1, 2, 4, 5, 3).reshape(n * h * w, k * k * c)
        matrix = weight.permute(0, 2, 3, 1).reshape(o, k * k * c)
        ctx.save_for_backward(columns, matrix)
        ctx.shapes = (n, c, height, width, o, k, h, w, stride, padding)
        return (columns @ matrix.T).view(n, h, w, o).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx, gradient):
        columns, matrix = ctx.saved_tensors
        n, c, height, width, o, k, h, w, stride, padding = ctx.shapes
        gradient = gradient.permute(0, 2, 3, 1).reshape(n * h * w, o)
        by_weight = (gradient.T @ columns).view(o, k, k, c).permute(0, 3, 1, 2)
        by_window = (gradient @ matrix).view(n, h, w, k, k, c)
        # Up to k*k windows add up in one position: in float32, so that bfloat16 rounds once, as a convolution does.
        padded = gradient.new_zeros((n, height + 2 * padding, width + 2 * padding, c), dtype=torch.float32)
        for i in range(k):
            for j in range(k):
                padded[:, i : i + stride * h : stride, j : j + stride * w : stride] += by_window[:, :, :, i, j]
        by_x = padded[:, padding : padding + height, padding : padding + width].permute(0, 3, 1, 2)
        return by_x.to(columns.dtype), by_weight, None, None


class FewPositionsConv2d(nn.Conv2d):
    """A Conv2d that multiplies matrices where its output has few positions, and is nn.Conv2d elsewhere."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        stride, padding, k = self.stride[0], int(self.padding[0]), self.kernel_size[0]
        height, width = ((side + 2 * padding - k) // stride + 1 for side in x.shape[-2:])
        if height * width > MOST_POSITIONS:
            return super().forward(x)
        weight = self.weight
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            x, weight = x.to(dtype), weight.to(dtype)
        return _MatrixConvolution.apply(x, weight, stride, padding)


def multiply_where_few(network: nn.Module) -> int:
    """Let every plain square convolution of the network multiply matrices where it has few positions.

    Returns how many may. Parameters, their names and the state dict stay what they were.
    """
    changed = 0
    for module in network.modules():
        if type(module) is nn.Conv2d and _is_plain(module):
            module.__class__ = FewPositionsConv2d
            changed += 1
    return changed


def _is_plain(convolution):
    square = all(len(set(pair)) == 1 for pair in (convolution.kernel_size, convolution.stride, convolution.dilation))
    return (
        square
        and not isinstance(convolution.padding, str)
        and len(set(convolution.padding)) == 1
        and convolution.padding_mode == "zeros"
        and convolution.groups == 1
        and convolution.dilation == (1, 1)
        and convolution.bias is None
    )
