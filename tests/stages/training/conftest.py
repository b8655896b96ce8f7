import pytest

from stages.training import network
from tests.stages.training import small


@pytest.fixture
def small_network(monkeypatch):
    """Whatever `train.network` says, the small one is built."""
    monkeypatch.setattr(network, "build", small.build)
