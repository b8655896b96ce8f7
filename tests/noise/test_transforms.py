"""What torch offers to transform a network, over every method behind a BatchNorm and behind an addition."""

import copy
import io
import warnings

import pytest
import torch
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

import noise
from tests.noise.folding import flip, turn

IMAGES = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def flip_half(network, sites):
    noise.attach_periodic(network, [2], sites, share=0.5)
    noise.set_step(network, 2)


def bursts(network, sites):
    noise.attach_bursts(network, 0.5, 1, sites)
    noise.set_step(network, 2)


METHODS = {
    "periodic": flip,
    "half": flip_half,
    "dynamic": turn,
    "gaussian": lambda network, sites: noise.attach_gaussian(network, 0.5, sites),
    "bursts": bursts,
    "dropout": lambda network, sites: noise.attach_dropout(network, 0.5, sites),
}


@pytest.fixture(params=[(name, sites) for name in METHODS for sites in ("first", "block")], ids=lambda it: "-".join(it))
def attached(request, small_network):
    """A network with a method, in evaluation, and its logits."""
    name, sites = request.param
    network = small_network().eval()
    plain = network(IMAGES)
    METHODS[name](network, sites)
    logits = network(IMAGES)
    assert torch.equal(logits, plain) == (name in ("gaussian", "bursts", "dropout"))
    return network, logits


def parameters(network):
    return {name: parameter.detach() for name, parameter in network.named_parameters()}


def test_functional_call(attached):
    network, logits = attached
    assert torch.equal(torch.func.functional_call(network, parameters(network), (IMAGES,)), logits)


def test_gradients(attached):
    network, _ = attached
    gradients = torch.func.grad(lambda p: torch.func.functional_call(network, p, (IMAGES,)).sum())(parameters(network))
    network(IMAGES).sum().backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad)


def test_vmap(attached):
    network, logits = attached
    torch.testing.assert_close(torch.func.vmap(lambda image: network(image[None])[0])(IMAGES), logits)
    each = torch.func.vmap(
        torch.func.grad(lambda p, image: torch.func.functional_call(network, p, (image[None],)).sum()), (None, 0)
    )(parameters(network), IMAGES)
    network(IMAGES).sum().backward()
    weight = network[0].weight
    torch.testing.assert_close(each["0.weight"].sum(0), weight.grad)


def test_feature_extraction(attached):
    network, logits = attached
    extractor = create_feature_extractor(network, ["4", "7"])
    assert torch.equal(extractor(IMAGES)["7"], logits)


def test_symbolic_tracing(attached):
    network, logits = attached
    assert torch.equal(torch.fx.symbolic_trace(network)(IMAGES), logits)


def test_export(attached):
    network, logits = attached
    exported = io.BytesIO()
    torch.export.save(torch.export.export(network, (IMAGES,)), exported)
    exported.seek(0)
    torch.testing.assert_close(torch.export.load(exported).module()(IMAGES), logits)


@pytest.mark.parametrize("dynamo", [True, False])
def test_onnx(request, attached, dynamo):
    network, logits = attached
    name, sites = request.node.callspec.params["attached"]
    if dynamo and (name in ("half", "bursts") or (sites == "block" and name != "periodic")):
        pytest.skip("two seconds each: behind an addition, and of a family, one method stands for all")
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (IMAGES,), file, dynamo=dynamo, verbose=False)
    session = runtime.InferenceSession(file.getvalue())
    (said,) = session.run(None, {session.get_inputs()[0].name: IMAGES.numpy()})
    torch.testing.assert_close(torch.from_numpy(said), logits, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("way", ["trace", "script"])
def test_torchscript(attached, way):
    network, logits = attached
    keys = network.state_dict().keys()
    scripted = torch.jit.trace(network, IMAGES) if way == "trace" else torch.jit.script(copy.deepcopy(network))
    file = io.BytesIO()
    torch.jit.save(scripted, file)
    file.seek(0)
    torch.testing.assert_close(torch.jit.load(file)(IMAGES), logits)
    assert network.state_dict().keys() == keys
    assert torch.equal(network(IMAGES), logits)


@pytest.mark.parametrize("name", METHODS)
def test_whole_networks_are_pickled_and_copied(small_network, name):
    network = small_network().eval()
    METHODS[name](network, "first")
    logits = network(IMAGES)
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    for again in (loaded, copy.deepcopy(network)):
        assert torch.equal(again(IMAGES), logits)
        assert noise.site_names(again) == noise.site_names(network)
        assert type(noise.detach(again)[1]) is nn.BatchNorm2d


def test_a_method_behind_an_addition_is_saved_as_a_state_dict_alone(small_network):
    network = small_network()
    flip(network, "block")
    with pytest.raises(TypeError, match=r"cannot be pickled whole: save its state_dict\(\)"):
        torch.save(network, io.BytesIO())
    assert torch.equal(copy.deepcopy(network)(IMAGES), network(IMAGES))
