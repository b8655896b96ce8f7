"""What the sites see: BatchNorm's output for one image, which Figure 2 of the paper is drawn from."""

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from noise.attaching import detach
from noise.sites import find_sites
from stages.crops.store import Crops
from stages.training.batches import Batches
from stages.training.device import Device

CHANNELS = 6  # feature maps kept


def features(network: nn.Module, crops: Crops, device: Device) -> Iterator[tuple[str, np.ndarray]]:
    """Yield `image`, the first of the test split, uint8 (H, W, C), and what the first residual block makes of it.

    `bn` float16 (channels, h, w): the maps that vary most of its first BatchNorm, in evaluation mode; `site` is that
    module's name in the network, and `channels` are the maps' places in it, from 0.
    """
    test = crops["test"]
    yield "image", np.array(test.images[0])
    site = first_site(network)
    channels, maps = feature_maps(network, site, Batches(test, crops.summary, device.device))
    yield "bn", maps
    yield "site", np.array(site)
    yield "channels", channels


def first_site(network: nn.Module) -> str:
    """The first BatchNorm of the first residual block; of a network without blocks the first one that has a ReLU."""
    every = [site for site in find_sites(network, "all") if site.addition is None]
    return next((site for site in every if site.kind == "first"), every[0]).name


@torch.inference_mode()
def feature_maps(network: nn.Module, site: str, split: Batches) -> tuple[np.ndarray, np.ndarray]:
    """The `CHANNELS` maps of the split's first image that vary most at a BatchNorm, without any method.

    Returns their places (channels,) in rising order, and the maps, float16 (channels, h, w).
    """
    kept = []  # copies: the ReLU behind works in place
    plain = detach(deepcopy(network)).eval()
    plain.get_submodule(site).register_forward_hook(lambda *call: kept.append(call[2].clone()))
    plain(next(split.plain(1))[0])
    maps = kept[0][0].float().cpu().numpy()
    strongest = np.sort(np.argsort(-maps.std((1, 2)))[:CHANNELS])
    return strongest, maps[strongest].astype(np.float16)
