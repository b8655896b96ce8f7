import pytest

from stages.training import network
from stages.training.batches import Batches
from tests.stages.training import small


@pytest.fixture(scope="session", autouse=True)
def _server(server):
    """Many tests here fork."""


@pytest.fixture
def small_network(monkeypatch):
    """Whatever `train.network` says, the small one is built."""
    monkeypatch.setattr(network, "build", small.build)


@pytest.fixture
def watched(monkeypatch):
    """The batches (images, targets) that training saw, step by step."""
    seen, real = [], Batches.train

    def watch(self, *arguments):
        for images, targets in real(self, *arguments):
            seen.append((images.clone(), targets.clone()))
            yield images, targets

    monkeypatch.setattr(Batches, "train", watch)
    return seen
