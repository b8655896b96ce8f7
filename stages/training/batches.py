"""Batches of crops: kept on the device as uint8 where they fit, else streamed from the memory map ahead of use."""

import copy
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
    """One split of the store on a device, or a `part` of it.

    `train(...)` yields (images, targets) of an epoch, `plain(...)` the split in its order with its labels. Images are
    float (B, 3, H, W) in channels-last memory, normalised with the training split's mean and std; labels are int64
    (B,), and so are targets, or with `soft` float (B, classes), where the split has them. `resident` keeps the images
    on the device; None: where they fit.
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
        self.chosen = torch.arange(len(split.labels))
        self.labels = torch.from_numpy(np.array(split.labels)).to(device)
        soft_targets = soft and split.soft is not None
        self._targets = torch.from_numpy(np.array(split.soft)).to(device) if soft_targets else self.labels
        self.mean = torch.tensor(summary["mean"], device=device).view(-1, 1, 1) * 255
        self.std = torch.tensor(summary["std"], device=device).view(-1, 1, 1) * 255
        self.memory_map = split.images
        # On a CPU the memory map is as near as memory gets: the page cache holds what is used.
        self.resident = device.type == "cpu" or (_fits(split.images.nbytes, device) if resident is None else resident)
        self.images = _as_tensor(split.images).to(device) if self.resident else None

    @property
    def size(self) -> int:
        """The number of images."""
        return len(self.chosen)

    @property
    def targets(self) -> Tensor:
        """The target of each image."""
        return self._targets[self.chosen.to(self.device)]

    def part(self, rows: np.ndarray) -> "Batches":
        """The images in these rows of the split, int64 (n,), which stay where they are."""
        chosen = copy.copy(self)
        chosen.chosen = torch.from_numpy(rows)
        return chosen

    def order(self, seed: int, epoch: int, weights: Tensor | None = None, number: int = 0) -> Tensor:
        """The images of an epoch as rows of the split, int64 (N,): a permutation, or N draws with these weights.

        Another number gives another order.
        """
        draws = generator(seed, f"order {number}" if number else "order", epoch)
        if weights is None:
            return self.chosen[torch.randperm(self.size, generator=draws)]
        return self.chosen[torch.multinomial(weights, self.size, replacement=True, generator=draws)]

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
        for images, at, rows in self._fetch(whole, batch_size):
            images = self._normalise(augment.crop(images, at, options, self.flip, draws))
            images = augment.distort(images, options, draws)
            mine = slice(rank, None, world)
            yield images[mine].contiguous(memory_format=torch.channels_last), self._targets[rows][mine]

    def plain(self, batch_size: int, rank: int = 0, world: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """(images, labels) in the split's own order, not augmented; with several processes every `world`-th batch."""
        for images, at, rows in self._fetch(self.chosen, batch_size, rank, world):
            yield self._normalise(images[at]).contiguous(memory_format=torch.channels_last), self.labels[rows]

    def _fetch(self, order, batch_size, rank=0, world=1):
        """Triples (images uint8, indices of the batch in them, its rows of the split), all on the device.

        The images are the whole resident split, or just the batch's own.
        """
        # The order goes to the device once: a copy for every batch would be one more thing to wait for.
        chunks = order.to(self.device).split(batch_size)[rank::world]
        if self.resident:
            for chunk in chunks:
                yield self.images, chunk, chunk
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
        return images, torch.arange(len(chunk), device=self.device), chunk

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
