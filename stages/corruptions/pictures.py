"""What spoils a picture of a face: nine corruptions at three strengths.

After Hendrycks and Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and Perturbations* (ICLR
2019), as far as they mean something at 48 pixels (snow, fog, frost and glass do not), and with what faces meet: eyes or
mouth are covered, the camera is grey. The strengths span theirs for small pictures (CIFAR-10-C and Tiny ImageNet-C).

Pictures are uint8 (B, C, H, W) and stay so. What is drawn for one (noise, a direction) depends on its row in the split
alone, and not on the batch, the strength, the run or the device: all runs meet the same pictures.
"""

import io
import math
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from stages.corruptions.strengths import CORRUPTIONS

SEED = 0  # another one draws other noise and directions
SIDE = 48  # pixels of the picture that the strengths of blur are given for; of others they are scaled
EYES, MOUTH = 0.33, 0.70  # rows of their middles, as shares of the height: of drawn faces and FER2013 alike
SIDES = 0.15  # share of the width beside what is covered


class Drawn:
    """What chance decides of some pictures, given their rows in the split."""

    def __init__(self, rows: Iterable[int]):
        self.generators = [np.random.default_rng([SEED, row]) for row in rows]
        self.draws = [generator.random() for generator in self.generators]

    @cached_property
    def coins(self) -> Tensor:
        """Which of two directions each takes, bool (B,)."""
        return torch.tensor([draw < 0.5 for draw in self.draws])

    def noise(self, shape: torch.Size) -> Tensor:
        """Standard normal noise for pictures of that shape, float (B, C, H, W)."""
        fields = [generator.standard_normal(shape[1:], dtype=np.float32) for generator in self.generators]
        return torch.from_numpy(np.stack(fields))


def _noise(images: Tensor, stddev: float, drawn: Drawn) -> Tensor:
    return _whole(images + 255 * stddev * drawn.noise(images.shape))


def _blur(images: Tensor, sigma: float, drawn: Drawn) -> Tensor:
    sigma *= min(images.shape[-2:]) / SIDE
    return F.gaussian_blur(images, [2 * math.ceil(3 * sigma) + 1] * 2, [sigma, sigma])


def _brightness(images: Tensor, factor: float, drawn: Drawn) -> Tensor:
    return _either(drawn.coins, images, F.adjust_brightness, factor, 1 / factor)


def _contrast(images: Tensor, factor: float, drawn: Drawn) -> Tensor:
    return F.adjust_contrast(images, factor)


def _jpeg(images: Tensor, quality: int, drawn: Drawn) -> Tensor:
    """By Pillow: torchvision's own is to be removed."""
    again = []
    for image in images.permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).save(file, "JPEG", quality=quality)
        again.append(np.asarray(Image.open(file)).reshape(image.shape))
    return torch.from_numpy(np.stack(again)).permute(0, 3, 1, 2)


def _pixelate(images: Tensor, share: float, drawn: Drawn) -> Tensor:
    height, width = images.shape[-2:]
    smaller = [max(1, round(share * height)), max(1, round(share * width))]
    coarse = F.resize(images, smaller, InterpolationMode.BILINEAR, antialias=True)
    return F.resize(coarse, [height, width], InterpolationMode.NEAREST_EXACT)


def _rotation(images: Tensor, degrees: float, drawn: Drawn) -> Tensor:
    """The pixels at the edge are repeated outwards, so that no empty corners come in."""
    height, width = images.shape[-2:]
    margin = math.ceil(max(height, width) * (math.sqrt(2) - 1) / 2) + 1
    padded = F.pad(images, [margin], padding_mode="edge")
    turn = partial(F.rotate, interpolation=InterpolationMode.BILINEAR)
    return F.center_crop(_either(drawn.coins, padded, turn, degrees, -degrees), [height, width])


def _occlusion(images: Tensor, share: float, drawn: Drawn) -> Tensor:
    """A bar in the picture's mean colour, of this share of its height, lies over the eyes or over the mouth."""
    height, width = images.shape[-2:]
    rows = (torch.arange(height) + 0.5).view(-1, 1) / height
    columns = (torch.arange(width) + 0.5) / width
    middle = torch.where(drawn.coins, EYES, MOUTH).view(-1, 1, 1, 1)
    covered = ((rows - middle).abs() < share / 2) & ((columns - 0.5).abs() < 0.5 - SIDES)
    return torch.where(covered, _whole(images.float().mean((2, 3), keepdim=True)), images)


def _grey(images: Tensor, saturation: float, drawn: Drawn) -> Tensor:
    return F.adjust_saturation(images, saturation)


SPOIL: dict[str, Callable[[Tensor, Any, Drawn], Tensor]] = {
    "noise": _noise,
    "blur": _blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "jpeg": _jpeg,
    "pixelate": _pixelate,
    "rotation": _rotation,
    "occlusion": _occlusion,
    "grey": _grey,
}


def corrupt(images: Tensor, name: str, rows: Iterable[int]) -> Tensor:
    """The pictures, uint8 (B, C, H, W) on the CPU, which stand in these rows of the split, spoiled: the same shape.

    The name is one of `strengths.names`.
    """
    kind, place = name.split("-")
    return SPOIL[kind](images, CORRUPTIONS[kind].strengths[int(place) - 1], Drawn(rows))


def _whole(images: Tensor) -> Tensor:
    return images.round().clamp(0, 255).to(torch.uint8)


def _either(
    coins: Tensor, images: Tensor, change: Callable[[Tensor, float], Tensor], one: float, other: float
) -> Tensor:
    """The pictures changed by the one value where the coin, bool (B,), says so, and else by the other."""
    changed = torch.empty_like(images)
    for chosen, value in ((coins, one), (~coins, other)):
        changed[chosen] = change(images[chosen], value)
    return changed
