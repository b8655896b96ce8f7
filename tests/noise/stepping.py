"""Two steps of a training, and what the methods of its network say at the first of them."""

import warnings

import torch
import torch.nn.functional as F
from torch import nn

import noise
from noise.attaching.first_step import NoiseWarning, watch


def network():
    torch.manual_seed(0)
    stem = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
    body = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
    return nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def watched(model):
    """Watches the methods of the model, as attaching does."""
    parents = {child: name for name, module in model.named_modules() for child in module.children()}
    methods = [module for module in model.modules() if isinstance(module, (noise.AutoReLU, noise.SignFlip))]
    watch(
        model,
        [(parents[method], method) for method in methods],
        lambda parent: not isinstance(parent, nn.SyncBatchNorm),
    )
    return model


def dynamic(start=0.003, **arguments):
    model = network()
    noise.attach_dynamic(model, start, "all", gradient="exact", **arguments)
    return watched(model)


def step(model, *optimizers):
    """What two training steps of the optimisers say, as one text for each warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            for optimizer in optimizers:
                optimizer.zero_grad()
            F.cross_entropy(model(torch.randn(4, 3, 8, 8)), torch.tensor([0, 1, 2, 0])).backward()
            for optimizer in optimizers:
                optimizer.step()
    return [str(warning.message) for warning in caught if issubclass(warning.category, NoiseWarning)]


def adam(parameters, **numbers):
    return torch.optim.Adam(parameters, **{"lr": 1e-4, "weight_decay": 1e-4} | numbers)
