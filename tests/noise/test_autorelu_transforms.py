"""AutoReLU under torch.func, torch.fx, TorchScript, torch.export, ONNX: the same function, or refused in a line."""

import copy
import io
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap
from torchvision.models.feature_extraction import create_feature_extractor

import noise

VARIANTS = [
    {},
    {"gradient": "exact"},
    {"divide": "signed"},
    {"rectify": False},
    {"reinitialise": False},
    {"weight": nn.Parameter(torch.tensor([0.3]))},
]
names = [next(iter(variant), "defaults") for variant in VARIANTS]


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript and its exporter are deprecated
        yield


@pytest.fixture(params=VARIANTS, ids=names)
def network(request):
    """In evaluation, with features of both signs on both sides of the clip."""
    torch.manual_seed(0)
    layer = noise.AutoReLU(8, 0.3, **copy.deepcopy(request.param))
    made = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), layer, nn.ReLU(inplace=True), nn.Flatten())
    made(images())
    with torch.no_grad():
        layer.weight.fill_(-0.3)
        if len(layer.weight) > 1:
            layer.weight[2:4] = 0.1
        made[1].weight.fill_(15.0)
    return made.eval()


def images():
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_gradients_of_torch_func_are_autograds(network):
    loss = network(images()).square().mean()
    expected = torch.autograd.grad(loss, list(network.parameters()))

    def of_parameters(parameters):
        return functional_call(network, parameters, (images(),)).square().mean()

    found = grad(of_parameters)(detached(network))
    assert all(map(torch.equal, found.values(), expected))


def test_training_step_of_torch_func_is_autograds(network):
    plain = copy.deepcopy(network.train())
    loss = plain(images()).square().mean()
    expected = torch.autograd.grad(loss, list(plain.parameters()))

    def of_parameters(parameters, buffers):
        return functional_call(network, (parameters, buffers), (images(),)).square().mean()

    parameters = {name: value.clone() for name, value in detached(network).items()}
    found = grad(of_parameters)(parameters, {name: value.clone() for name, value in network.named_buffers()})
    assert all(map(torch.equal, found.values(), expected))
    assert torch.equal(parameters["2.weight"], plain[2].weight)  # the mean was written


def detached(network):
    return {name: value.detach() for name, value in network.named_parameters()}


def test_captured_weight_in_training_is_refused_in_one_line():
    layer = noise.AutoReLU(8, 0.3)
    with pytest.raises(RuntimeError, match="hand all parameters to the transformed function") as caught:
        grad(lambda x: layer(x).sum())(torch.ones(2, 8))
    assert "\n" not in str(caught.value)


def test_vmap_over_inputs_and_over_networks(network):
    x = images()
    torch.testing.assert_close(vmap(lambda image: network(image[None])[0])(x), network(x))

    other = copy.deepcopy(network)
    with torch.no_grad():
        other[2].weight.neg_()
    states = [{**detached(net), **dict(net.named_buffers())} for net in (network, other)]
    stacked = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    found = vmap(lambda state: functional_call(network, state, (x,)))(stacked)
    torch.testing.assert_close(found, torch.stack([network(x), other(x)]))


def test_gradient_of_each_sample(network):
    def loss(parameters, image):
        return functional_call(network, parameters, (image[None],)).square().sum()

    found = vmap(grad(loss), in_dims=(None, 0))(detached(network), images())["0.weight"]
    for index, image in enumerate(images()):
        (expected,) = torch.autograd.grad(network(image[None]).square().sum(), network[0].weight)
        torch.testing.assert_close(found[index], expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("variant", [variant for variant in VARIANTS if "weight" not in variant])
def test_forward_mode_and_second_derivatives(variant):
    layer = noise.AutoReLU(3, 0.3, **variant).eval()
    x = torch.tensor([[4.0, -2.0, 30.0], [-3.0, 5.0, -40.0]])
    jacobian = jacrev(layer)(x)
    assert jacobian.count_nonzero() > 0
    torch.testing.assert_close(jacfwd(layer)(x), jacobian)
    output, tangent = jvp(layer, (x,), (x,))
    torch.testing.assert_close(output, tangent)  # it is linear where it is not constant
    expected = torch.diag(2 * (layer(x) != 0).float().flatten()).view(2, 3, 2, 3)
    torch.testing.assert_close(hessian(lambda x: layer(x).square().sum())(x), expected)
    by_weight = jvp(lambda w: noise.auto_relu(x, w), (layer.weight.detach(),), (torch.ones(3),))[1]
    assert torch.equal(by_weight, torch.zeros_like(x))


def test_feature_extraction_keeps_the_layer_and_its_mode(network):
    extractor = create_feature_extractor(network, {"3": "features"})
    x = images()
    assert torch.equal(extractor.eval()(x)["features"].flatten(1), network(x))
    (layer,) = (module for module in extractor.modules() if isinstance(module, noise.AutoReLU))
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-0.2, 0.1, len(layer.weight)))
    before = layer.weight.mean()
    extractor.train()(x)["features"].sum().backward()
    assert layer.weight.grad is not None
    if layer.reinitialise:
        assert layer.weight.unique() == before


def test_traced_by_fx_and_pickled(network):
    traced = torch.fx.symbolic_trace(network)
    x = images()
    assert torch.equal(traced(x), network(x))
    assert torch.equal(pickle.loads(pickle.dumps(traced))(x), network(x))


def test_torchscript(network):
    x = images()
    expected = network(x)
    state = network.state_dict()
    for scripted in (torch.jit.script(network), torch.jit.script(copy.deepcopy(network)), torch.jit.trace(network, x)):
        file = io.BytesIO()
        torch.jit.save(scripted, file)
        file.seek(0)
        assert torch.equal(torch.jit.load(file)(x), expected)
        assert "Python" not in str(scripted.inlined_graph)
        with torch.no_grad():
            torch.testing.assert_close(torch.jit.freeze(scripted.eval())(x), expected)
    assert type(network[2]) is noise.AutoReLU
    assert all(map(torch.equal, network.state_dict().values(), state.values()))


def test_exported(network):
    x = images()
    program = torch.export.export(network, (x,))
    assert torch.equal(program.module()(x), network(x))
    assert not any("autograd" in str(node.target) for node in program.graph.nodes)


@pytest.mark.parametrize(
    ("network", "dynamo"), [({}, True), ({}, False), ({"rectify": False}, False)], indirect=["network"]
)
def test_onnx(network, dynamo, tmp_path, capfd):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    x = images()
    torch.onnx.export(network, (x,), tmp_path / "network.onnx", dynamo=dynamo, input_names=["x"], verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    (found,) = session.run(None, {"x": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), network(x).detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "record",
    [
        lambda network: torch.jit.trace(network, images()),
        lambda network: torch.export.export(network, (images(),)),
        lambda network: torch.jit.script(network)(images()),
    ],
    ids=["trace", "export", "script"],
)
def test_recording_of_training_is_refused(record):
    network = nn.Sequential(nn.Conv2d(3, 8, 3), noise.AutoReLU(8, 0.3))
    with pytest.raises(Exception, match=r"AutoReLU.*call eval\(\)"):
        record(network)


def test_a_layer_is_one_call_behind_an_addition_too(small_network):
    network = small_network()
    noise.attach_dynamic(network, 0.3, ["first", "block"])
    x = torch.randn(2, 3, 8, 8)
    network(x)
    network.eval()
    assert torch.equal(torch.fx.symbolic_trace(network)(x), network(x))
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(network, x), file)
    file.seek(0)
    assert torch.equal(torch.jit.load(file)(x), network(x))
