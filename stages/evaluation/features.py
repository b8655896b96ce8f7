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
    """Yield `image`, the first of the test split, uint8 (H, W, C), and `bn` float16 (channels, h, w).

    bn are the strongest maps that the first residual block's first BatchNorm makes of it, in evaluation mode.
    """
    test = crops["test"]
    yield "image", np.array(test.images[0])
    yield "bn", feature_maps(network, Batches(test, crops.summary, device.device))


@torch.inference_mode()
def feature_maps(network: nn.Module, split: Batches) -> np.ndarray:
    """The `CHANNELS` maps of the split's first image that vary most, float16 (channels, h, w), without any method."""
    every = [site for site in find_sites(network, "all") if site.addition is None]
    site = next((site for site in every if site.kind == "first"), every[0])
    kept = []  # copies: the ReLU behind works in place
    plain = detach(deepcopy(network)).eval()
    plain.get_submodule(site.name).register_forward_hook(lambda *call: kept.append(call[2].clone()))
    plain(next(split.plain(1))[0])
    maps = kept[0][0].float().cpu().numpy()
    strongest = np.sort(np.argsort(-maps.std((1, 2)))[:CHANNELS])
    return maps[strongest].astype(np.float16)
