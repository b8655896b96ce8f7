"""What spoils a picture of a face: nine corruptions at three strengths, by torchvision's functional transforms.

After Hendrycks and Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and Perturbations* (ICLR
2019), as far as they mean something at 48 pixels (snow, fog, frost and glass do not), and with what faces meet: eyes or
mouth are covered, the camera is grey. The strengths span theirs for small pictures (CIFAR-10-C and Tiny ImageNet-C).

Pictures are uint8 (B, C, H, W) and stay so. What is drawn for one (noise, a direction) depends on its row in the split
alone: not on the batch, the run, the strength or the device. So every run meets the same spoiled pictures.
"""

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

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
        """Which of two directions each takes, bool (B, 1, 1, 1)."""
        return torch.tensor([draw < 0.5 for draw in self.draws]).view(-1, 1, 1, 1)

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
    return torch.where(drawn.coins, F.adjust_brightness(images, factor), F.adjust_brightness(images, 1 / factor))


def _contrast(images: Tensor, factor: float, drawn: Drawn) -> Tensor:
    return F.adjust_contrast(images, factor)


def _jpeg(images: Tensor, quality: int, drawn: Drawn) -> Tensor:
    return F.jpeg(images, quality)


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
    turned = torch.empty_like(padded)
    for chosen, turn in ((drawn.coins.flatten(), degrees), (~drawn.coins.flatten(), -degrees)):
        turned[chosen] = F.rotate(padded[chosen], turn, InterpolationMode.BILINEAR)
    return F.center_crop(turned, [height, width])


def _occlusion(images: Tensor, share: float, drawn: Drawn) -> Tensor:
    """A bar in the picture's mean colour, of this share of its height, lies over the eyes or over the mouth."""
    height, width = images.shape[-2:]
    rows = (torch.arange(height) + 0.5).view(-1, 1) / height
    columns = (torch.arange(width) + 0.5) / width
    middle = torch.where(drawn.coins, EYES, MOUTH)
    covered = ((rows - middle).abs() < share / 2) & ((columns - 0.5).abs() < 0.5 - SIDES)
    return torch.where(covered, _whole(images.float().mean((2, 3), keepdim=True)), images)


def _grey(images: Tensor, saturation: float, drawn: Drawn) -> Tensor:
    return F.adjust_saturation(images, saturation)


class Corruption(NamedTuple):
    """`spoil(images, strength, drawn)` at each of three strengths, in the unit that the words name."""

    spoil: Callable[[Tensor, float, Drawn], Tensor]
    strengths: tuple[float, float, float]
    words: str


CORRUPTIONS = {
    "noise": Corruption(_noise, (0.04, 0.08, 0.16), "standard deviation of Gaussian noise, white is 1"),
    "blur": Corruption(_blur, (0.7, 1.2, 2.0), "standard deviation of the Gaussian, pixels of 48"),
    "brightness": Corruption(_brightness, (1.25, 1.5, 2.0), "factor by which it is brighter, or darker"),
    "contrast": Corruption(_contrast, (0.6, 0.35, 0.15), "factor of the distance to the mean grey"),
    "jpeg": Corruption(_jpeg, (40, 20, 10), "quality"),
    "pixelate": Corruption(_pixelate, (0.6, 0.4, 0.25), "share of the pixels left along each side"),
    "rotation": Corruption(_rotation, (10, 20, 35), "degrees, to one side or the other"),
    "occlusion": Corruption(_occlusion, (0.12, 0.22, 0.32), "share of the height that is covered, at eyes or mouth"),
    "grey": Corruption(_grey, (0.5, 0.25, 0.0), "saturation left; of colour pictures alone"),
}


def names(channels: int) -> list[str]:
    """Of pictures of so many channels (1 or 3): "<corruption>-<1, 2 or 3>", from weak to strong."""
    kinds = [kind for kind in CORRUPTIONS if channels > 1 or kind != "grey"]
    return [f"{kind}-{strength}" for kind in kinds for strength in (1, 2, 3)]


def corrupt(images: Tensor, name: str, rows: Iterable[int]) -> Tensor:
    """The pictures, uint8 (B, C, H, W) on the CPU, which stand in these rows of the split, as one of `names` says."""
    kind, strength = name.split("-")
    spoil, strengths, _ = CORRUPTIONS[kind]
    return spoil(images, strengths[int(strength) - 1], Drawn(rows))


def _whole(images: Tensor) -> Tensor:
    return images.round().clamp(0, 255).to(torch.uint8)
