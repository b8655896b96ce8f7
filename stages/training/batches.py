"""Batches of crops: kept on the device as uint8 where they fit, else streamed from the memory map ahead of use."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from stages.crops.store import Split
from stages.training import augment
from stages.training.randomness import generator

if TYPE_CHECKING:
    from stages.params import Augment

RESIDENT_SHARE = 0.4  # of the device's free memory that a split may take


class Batches:
    """One split of the store on a device.

    `train(...)` yields (images, targets) of an epoch, `plain(...)` the split in its order. Images are float
    (B, 3, H, W) in channels-last memory, normalised with the training split's mean and std; targets are int64 (B,), or
    with `soft` float (B, classes), where the split has them. `resident` keeps the images on the device; None: where
    they fit.
    """

    def __init__(
        self,
        split: Split,
        summary: dict[str, Any],
        device: torch.device,
        soft: bool = False,
        resident: bool | None = None,
    ):
        self.device, self.flip = device, summary["flip"]
        self.size = len(split.labels)
        targets = split.soft if soft and split.soft is not None else split.labels
        self.targets = torch.from_numpy(np.array(targets)).to(device)
        self.mean = torch.tensor(summary["mean"], device=device).view(-1, 1, 1) * 255
        self.std = torch.tensor(summary["std"], device=device).view(-1, 1, 1) * 255
        self.memory_map = split.images
        # On a CPU the memory map is as near as memory gets: the page cache holds what is used.
        self.resident = device.type == "cpu" or (_fits(split.images.nbytes, device) if resident is None else resident)
        self.images = _as_tensor(split.images).to(device) if self.resident else None

    def order(self, seed: int, epoch: int, weights: Tensor | None = None) -> Tensor:
        """The order of the split in an epoch, int64 (N,): a permutation, or N draws with these weights per image."""
        draws = generator(seed, "order", epoch)
        if weights is None:
            return torch.randperm(self.size, generator=draws)
        return torch.multinomial(weights, self.size, replacement=True, generator=draws)

    def train(
        self,
        order: Tensor,
        batch_size: int,
        options: "Augment",
        seed: int,
        epoch: int,
        rank: int = 0,
        world: int = 1,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The full batches of an epoch, augmented; the last, smaller one is dropped.

        With several processes each takes every `world`-th image of the same batches, augmented as one process would.
        """
        draws = generator(seed, "augmentation", epoch, self.device)
        whole = order[: len(order) // batch_size * batch_size]
        for images, at, targets in self._fetch(whole, batch_size):
            images = self._normalise(augment.crop(images, at, options, self.flip, draws))
            images = augment.distort(images, options, draws)
            mine = slice(rank, None, world)
            yield images[mine].contiguous(memory_format=torch.channels_last), targets[mine]

    def plain(self, batch_size: int, rank: int = 0, world: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """The split in its own order, without augmentation; with several processes every `world`-th batch."""
        for images, at, targets in self._fetch(torch.arange(self.size), batch_size, rank, world):
            yield self._normalise(images[at]).contiguous(memory_format=torch.channels_last), targets

    def _fetch(self, order, batch_size, rank=0, world=1):
        """Triples (images uint8, indices of the batch in them, its targets), all on the device.

        The images are the whole resident split, or just the batch's own.
        """
        # The order goes to the device once: a copy for every batch would be one more thing to wait for.
        chunks = order.to(self.device).split(batch_size)[rank::world]
        if self.resident:
            for chunk in chunks:
                yield self.images, chunk, self.targets[chunk]
            return
        # Two batches ahead: one is copied to the device while the next is read.
        with ThreadPoolExecutor(1) as reader:
            waiting = deque()
            for number, chunk in enumerate(order.split(batch_size)[rank::world]):
                waiting.append((reader.submit(self._read, chunk), chunks[number]))
                if len(waiting) > 2:
                    yield self._sent(*waiting.popleft())
            while waiting:
                yield self._sent(*waiting.popleft())

    def _read(self, chunk):
        picked = torch.from_numpy(self.memory_map[chunk.numpy()])
        return picked.pin_memory() if self.device.type == "cuda" else picked

    def _sent(self, picked, chunk):
        images = picked.result().to(self.device, non_blocking=True)
        return images, torch.arange(len(chunk), device=self.device), self.targets[chunk]

    def _normalise(self, images):
        images = (images.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return images.expand(-1, 3, -1, -1)  # a grey picture is one whose three channels are equal


def _fits(nbytes, device):
    free, _ = torch.cuda.mem_get_info(device)
    return nbytes < RESIDENT_SHARE * free


def _as_tensor(images):
    """The memory map as a tensor, without a copy.

    Opened copy-on-write: PyTorch takes no read-only arrays, and the file stays as it is.
    """
    return torch.from_numpy(
        np.memmap(images.filename, dtype=images.dtype, mode="c", offset=images.offset, shape=images.shape)
    )
