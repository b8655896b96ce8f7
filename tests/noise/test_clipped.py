"""The count of features above AutoReLU's clip, against a count by hand."""

import copy
import io

import pytest
import torch
from torch import nn

import noise


def by_hand(x, w, constant=6.0, rectify=True):
    u = x * (-1 if w < 0 else 1)
    return int(((u if rectify else u.abs()) >= torch.tensor(constant) / abs(w)).sum())


@pytest.mark.parametrize("rectify", [True, False])
@pytest.mark.parametrize("w", [0.3, -0.3, 0.011, 0.0])
@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("shape", [(6, 4), (5, 4, 3, 3), (0, 4, 3, 3), (1, 4, 1)])
def test_count_is_that_of_the_features_set_to_0(shape, enabled, w, rectify):
    x = 20 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    layer = noise.AutoReLU(4, 0.3, rectify=rectify)
    with torch.no_grad():
        layer.weight.fill_(w)
    assert layer.clipped() is None
    with torch.set_grad_enabled(enabled):
        layer(x)
        assert layer.clipped() is None  # training is not counted
        layer.eval()
        y = layer(x)
        layer(x)
    count = by_hand(x, w, rectify=rectify)
    kept = (torch.relu(x * (-1 if w < 0 else 1)) if rectify else x).count_nonzero()
    assert kept - y.count_nonzero() == count
    assert layer.clipped() == 2 * count
    layer.eval()
    assert layer.clipped() == 2 * count
    layer.train()
    assert layer.clipped() is None


def test_precision_and_edge():
    layer = noise.AutoReLU(1, 0.5).eval()
    layer(torch.tensor([[12.0], [11.999999], [torch.nan], [torch.inf], [-torch.inf]]))
    assert layer.clipped() == 2
    layer.train().eval()(torch.full((3, 1, 70, 70), 13, dtype=torch.bfloat16))
    assert layer.clipped() == 3 * 70 * 70


def test_by_name_and_what_starts_the_count_anew(small_network):
    network = small_network()
    noise.attach_dynamic(network, 0.3, ["first", "block"])
    names = [name for name, module in network.named_modules() if isinstance(module, noise.AutoReLU)]
    assert noise.dynamic.clipped(network) == dict.fromkeys(names)
    state = network.state_dict()
    x = torch.randn(2, 3, 8, 8)

    def evaluated():
        network.eval()(1000 * x)
        return noise.dynamic.clipped(network)

    assert list(evaluated()) == names
    assert any(evaluated().values())
    copied = copy.deepcopy(network)
    assert noise.dynamic.clipped(copied) == noise.dynamic.clipped(network)
    network.load_state_dict(state)
    assert noise.dynamic.clipped(network) == dict.fromkeys(names)
    evaluated()
    for module in network.modules():
        if isinstance(module, noise.AutoReLU):
            module.reset_parameters()
    assert noise.dynamic.clipped(network) == dict.fromkeys(names)
    assert any(noise.dynamic.clipped(copied).values())
    assert not any("clipped" in name for name in [*state, *dict(network.named_buffers())])


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_not_counted_while_recorded_or_transformed():
    layer = noise.AutoReLU(4, 0.3).eval()
    x = torch.full((2, 4, 3, 3), 50.0)
    torch.export.export(layer, (x,))
    torch.jit.save(torch.jit.trace(layer, x, check_trace=False), io.BytesIO())  # the check would be an evaluation
    torch.func.vmap(lambda image: layer(image[None]))(x)
    torch.func.grad(lambda x: layer(x).sum())(x)
    assert layer.clipped() is None


def test_counted_when_compiled_without_a_break():
    layer = nn.Sequential(noise.AutoReLU(4, 0.3)).eval()
    torch._dynamo.reset()
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    with torch.no_grad():
        compiled(torch.full((2, 4, 3, 3), 50.0))
        compiled(torch.full((2, 4, 3, 3), 50.0))
    assert layer[0].clipped() == 2 * 2 * 4 * 9
