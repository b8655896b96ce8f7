"""A run small enough to train in a moment, as the tests of both rooms make it."""

import copy
from functools import partial
from pathlib import Path

from torch import nn

from stages.crops.store import open_crops
from stages.params import read
from stages.training.device import choose
from stages.training.evaluation import ALONE
from stages.training.loop import Run, Training
from stages.training.schedule import rates
from stages.variants import load

PARAMS = read(Path(__file__).parents[3] / "params.yaml")
SECTIONS = ("periodic", "dynamic", "dropout", "gaussian", "bursts")


class SmallResidual(nn.Module):
    """A residual network small enough to train in a moment."""

    def __init__(self, classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.conv1, self.bn1 = nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(8, classes)

    def forward(self, x):
        x = self.stem(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return self.head(self.relu(self.bn2(self.conv2(y)) + x).mean((2, 3)))


def build(name, classes, stem):
    """In the place of `stages.training.network.build`."""
    return SmallResidual(classes)


def params(interval=2, start=0.004, unit="epoch", sites="all", **train):
    """The repository's parameters, with `train` for a run of a moment."""
    of_a_moment = {"epochs": 4, "images": None, "batch_size": 16, "precision": "float32", "learning_rate": 1e-3}
    train = of_a_moment | train
    sections = {name: getattr(PARAMS, name).model_copy(update={"sites": sites}) for name in SECTIONS}
    sections["dynamic"] = sections["dynamic"].model_copy(update={"start": start})
    sections["periodic"] = sections["periodic"].model_copy(update={"unit": unit})
    return PARAMS.model_copy(update={"interval": interval, "train": PARAMS.train.model_copy(update=train), **sections})


def make_run(folder, variant="baseline", seed=0, options=None, compile=False, processes=ALONE):
    """The run of a variant on the crops in the folder, on the CPU."""
    options, chosen = options or params(), load(variant)
    pool = len(open_crops(folder)["train"])
    options = chosen.settle(options, rates(options.train, options.train.images or pool), seed)
    return Run(
        attach=partial(chosen.attach, params=options),
        ready=chosen.ready,
        unit=chosen.unit(options),
        options=options.train,
        seed=seed,
        crops=open_crops(folder),
        device=choose("cpu", options.train.precision),
        compile=compile,
        processes=processes,
    )


def trained(*arguments, **named):
    """A run trained to its end, and the rows of its epochs."""
    training = Training(make_run(*arguments, **named))
    return training, list(training.epochs())


def copied(module):
    """The state of a network, as it is now."""
    return copy.deepcopy(dict(module.state_dict()))
