"""What training is held against: torchvision's reference training in short, as a user would otherwise write it."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import models
from torchvision.transforms import v2

from stages.params import Train
from stages.training.device import Device


class Photographs(Dataset):
    """Random uint8 pictures, transformed one by one as torchvision's reference does."""

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        self.images, self.labels = images, labels
        normalise = v2.Normalize([0.5] * 3, [0.25] * 3)
        self.transform = v2.Compose(
            [
                v2.ToImage(),
                v2.RandomHorizontalFlip(),
                v2.RandomCrop(images.shape[1], padding=4),
                v2.ToDtype(torch.float32, scale=True),
                normalise,
            ]
        )

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(self.images[index]), self.labels[index]


def plain_epochs(
    images: np.ndarray, labels: np.ndarray, classes: int, options: Train, device: Device, cores: int
) -> Iterator[None]:
    """The plain loop with `train` of params.yaml as options; yields after each epoch."""
    network = models.get_model(options.network, weights=None, num_classes=classes).to(device.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    gpu = device.device.type == "cuda"
    loader = DataLoader(
        Photographs(images, labels),
        options.batch_size,
        shuffle=True,
        num_workers=cores,
        pin_memory=gpu,
        drop_last=True,
        persistent_workers=True,
    )
    while True:
        network.train()
        for pictures, targets in loader:
            pictures, targets = (
                pictures.to(device.device, non_blocking=True),
                targets.to(device.device, non_blocking=True),
            )
            with torch.autocast(device.device.type, torch.bfloat16, enabled=gpu):
                loss = F.cross_entropy(network(pictures), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()
        yield
