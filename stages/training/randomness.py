"""Every random number of a run from its seed, purpose and epoch: a resumed run draws what a straight one does."""

import zlib

import numpy as np
import torch


def seed_for(seed: int, purpose: str, epoch: int = 0) -> int:
    """A 63-bit seed; another seed, purpose ("weights", "order", "augmentation", "dropout") or epoch gives another."""
    words = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), epoch]).generate_state(2, np.uint32)
    return int(words[0]) << 31 | int(words[1]) >> 1


def generator(seed: int, purpose: str, epoch: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator on the device for one purpose in one epoch."""
    return torch.Generator(device).manual_seed(seed_for(seed, purpose, epoch))
