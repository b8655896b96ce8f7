"""Benchmarks are started by hand, and must still run when they are: what they time, at its smallest."""

import argparse

import pytest

from benchmarks import side_by_side, training
from benchmarks.random_crops import write_crops
from stages.crops.store import open_crops
from tests.pipeline.pipelines import ROOT


@pytest.fixture
def arguments(monkeypatch):
    monkeypatch.chdir(ROOT)  # params.yaml is the root's
    return argparse.Namespace(
        size=16, batch_size=8, images=16, rounds=1, cores=1, threads=1, device="cpu", compile=None
    )


@pytest.mark.parametrize("name", [training.PLAIN, "dynamic", "baseline, oneDNN's own convolutions"])
def test_every_contender_trains_an_epoch(tmp_path, arguments, name):
    write_crops(tmp_path, {"train": arguments.images} | training.HELD_OUT, arguments.size, training.CLASSES)
    _, epochs = training.contender(name, arguments, tmp_path)
    next(epochs)


def test_seeds_side_by_side_have_crops(tmp_path):
    write_crops(tmp_path, side_by_side.CROPS, side_by_side.SIDE, side_by_side.CLASSES)
    opened = open_crops(tmp_path)
    assert {split: len(opened[split]) for split in side_by_side.CROPS} == side_by_side.CROPS
