"""Augmentation of a whole batch at once, on the device that holds it."""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from stages.params import Augment


def crop(images: Tensor, indices: Tensor, options: "Augment", flip: bool, generator: torch.Generator) -> Tensor:
    """The chosen images, mirrored with chance 1/2 and shifted by up to `options.shift` pixels each way.

    images is uint8 (N, H, W, C), indices int64 (B,); returns uint8 (B, H, W, C). Pixels at the edge are repeated.
    Selecting, shifting and mirroring are one gather.
    """
    count, (height, width), device = len(indices), images.shape[1:3], indices.device
    # Always drawn, whatever is switched on: switching one augmentation off leaves the others' draws as they were.
    mirrored = torch.rand(count, generator=generator, device=device) < 0.5
    shifts = torch.rand((2, count, 1), generator=generator, device=device)
    down, right = ((2 * shifts - 1) * (options.shift + 0.5)).round().long().clamp(-options.shift, options.shift)
    rows = (torch.arange(height, device=device) - down).clamp(0, height - 1)
    columns = torch.arange(width, device=device).expand(count, width)
    if flip and options.flip:
        columns = torch.where(mirrored[:, None], width - 1 - columns, columns)
    columns = (columns - right).clamp(0, width - 1)
    return images[indices[:, None, None], rows[:, :, None], columns[:, None, :]]


def distort(images: Tensor, options: "Augment", generator: torch.Generator) -> Tensor:
    """The images, float (B, C, H, W), rotated and scaled within the options' bounds, and a rectangle of some erased.

    What is erased becomes 0, the mean of normalised images.
    """
    count, device = len(images), images.device
    draws = torch.rand((7, count), generator=generator, device=device)
    if options.rotate or options.scale:
        angle = (2 * draws[0] - 1) * options.rotate * torch.pi / 180
        zoom = 1 + (2 * draws[1] - 1) * options.scale
        cosine, sine, zero = angle.cos() / zoom, angle.sin() / zoom, torch.zeros_like(angle)
        matrix = torch.stack([torch.stack([cosine, -sine, zero], 1), torch.stack([sine, cosine, zero], 1)], 1)
        grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
        images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    if options.erase:
        images = images.masked_fill(_rectangles(images.shape, draws[2:], options.erase), 0)
    return images


def _rectangles(shape, draws, chance):
    """A mask (B, 1, H, W) of rectangles of 2 to 33 % of the area, with aspect ratios of 0.3 to 3.3.

    (Random erasing, Zhong et al. 2020.)
    """
    height, width = shape[-2:]
    chosen, area, ratio, top, left = draws
    area, ratio = 0.02 + 0.31 * area, torch.exp((2 * ratio - 1) * torch.log(torch.tensor(3.3)))
    tall, wide = (area * ratio).sqrt().clamp(max=1) * height, (area / ratio).sqrt().clamp(max=1) * width
    y, x = torch.arange(height, device=draws.device), torch.arange(width, device=draws.device)
    first_row, first_column = top * (height - tall), left * (width - wide)
    rows = (y >= first_row[:, None]) & (y < (first_row + tall)[:, None])
    columns = (x >= first_column[:, None]) & (x < (first_column + wide)[:, None])
    return (rows[:, None, :, None] & columns[:, None, None, :]) & (chosen < chance)[:, None, None, None]
