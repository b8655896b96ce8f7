"""Turning a sign neither recompiles nor breaks the graph."""

import copy

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend

import noise


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize(("interval", "share"), [(3, 1.0), ([3, 8, 17], 0.5)])
def test_twenty_epochs_with_turns_compile_once(interval, share):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(inplace=True), nn.Linear(6, 3))
    noise.attach_periodic(network, interval, "stem", share=share)
    noise.attach_dynamic(network, 0.02, "stem")
    noise.attach_bursts(network, 0.0, interval, "stem")  # noise that is drawn would not be the same twice
    plain = copy.deepcopy(network)
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(network, backend=counter, fullgraph=True)

    turned = []
    optimizers = [torch.optim.Adam(net.parameters(), lr=1e-2, weight_decay=1e-4) for net in (plain, network)]
    for epoch in range(1, 21):
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(epoch))
        for forward, net, optimizer in zip((plain, compiled), (plain, network), optimizers, strict=True):
            noise.set_step(net, epoch)
            optimizer.zero_grad()
            forward(x).square().mean().backward()
            optimizer.step()
        turned.append((network[1].signflip.in_force().item() < 1, network[1].autorelu.in_force().item() < 0))
        for name, value in plain.state_dict().items():
            torch.testing.assert_close(network.state_dict()[name], value)

    assert {flag for flag, _ in turned} == {weight for _, weight in turned} == {True, False}
    assert counter.frame_count == 1
