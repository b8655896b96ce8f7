"""The methods by themselves, in an `nn.Sequential`, under torch's transforms and exporters."""

import copy
import io

import pytest
import torch
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

import noise

METHODS = {
    "flip": lambda: noise.SignFlip(2),
    "flip-half": lambda: noise.SignFlip([2], 4, 0.5),
    "gaussian": lambda: noise.GaussianNoise(0.5),
    "gaussian-seeded": lambda: noise.GaussianNoise(0.5, seed=1),
    "bursts": lambda: noise.GaussianBursts(0.5, 2),
    "dropout": lambda: noise.dropout.Dropout(0.5),
    "dropout2d": lambda: noise.dropout.Dropout2d(0.5),
}
X = torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
pytestmark = pytest.mark.filterwarnings("ignore")


def make(method):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), METHODS[method](), nn.ReLU()).eval()
    noise.set_step(net, 2)
    return net


def negating():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.ReLU()).eval()
    noise.attach_negate(net, 2, "stem", moments=False)
    noise.set_step(net, 2)
    return net


@pytest.fixture(params=METHODS)
def net(request):
    return make(request.param)


@pytest.fixture(params=[True, False], ids=["network", "copy"])
def either(request, net):
    """A network, or an average of it."""
    return net if request.param else copy.deepcopy(net)


def test_torch_func(either):
    state = {key: value.detach() for key, value in either.named_parameters()}
    call = lambda p, x: torch.func.functional_call(either, p, (x,))  # noqa: E731
    assert torch.equal(call(state, X), either(X))
    gradient = torch.func.grad(lambda p: call(p, X).sum())(state)
    either(X).sum().backward()
    assert all(torch.allclose(gradient[key], value.grad) for key, value in either.named_parameters())
    each = torch.func.vmap(lambda x: call(state, x[None])[0])(X)
    torch.testing.assert_close(each, either(X))


def test_export(either):
    program = torch.export.export(either, (X,))
    torch.testing.assert_close(program.module()(X), either(X))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    torch.testing.assert_close(torch.export.load(file).module()(X), either(X))


def test_trace_and_save(either):
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(either, X), file)
    file.seek(0)
    torch.testing.assert_close(torch.jit.load(file)(X), either(X))


def test_script_and_save(either):
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(either), file)
    file.seek(0)
    loaded = torch.jit.load(file)
    torch.testing.assert_close(loaded(X), either(X))
    assert set(loaded.state_dict()) == set(either.state_dict()) - {"2.stream"}
    assert either[2].training is False and not isinstance(either[2], torch.jit.ScriptModule)


@pytest.mark.parametrize("method", [m for m in METHODS if m != "gaussian-seeded"])
def test_a_scripted_network_still_injects_while_training(method):
    scripted = torch.jit.script(make(method)).train()
    plain = make(method).train()
    torch.manual_seed(1)
    expected = plain(X)
    torch.manual_seed(1)
    torch.testing.assert_close(scripted(X), expected)


def test_a_scripted_stream_of_its_own_is_refused_in_training():
    scripted = torch.jit.script(make("gaussian-seeded"))
    assert torch.equal(scripted(X), make("gaussian-seeded")(X))
    with pytest.raises(torch.jit.Error, match="script a GaussianNoise without a seed"):
        scripted.train()(X)


@pytest.mark.parametrize("method", METHODS)
def test_scripting_leaves_the_network_as_it_was(method):
    net = make(method)
    before = list(net.modules())
    torch.jit.script(net)
    assert all(now is then for now, then in zip(net.modules(), before, strict=True))


@pytest.mark.parametrize(
    ("method", "dynamo"), [*((method, False) for method in [*METHODS, "average"]), ("average", True)]
)
def test_onnx(method, dynamo, tmp_path):
    either = copy.deepcopy(make("flip")) if method == "average" else make(method)
    runtime = pytest.importorskip("onnxruntime")
    torch.onnx.export(either, (X,), tmp_path / "net.onnx", dynamo=dynamo, input_names=["x"], verbose=False)
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": X.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), either(X).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_feature_extractor(method):
    net = make(method)
    extract = create_feature_extractor(net, ["0", "3"]).eval()
    assert torch.equal(extract(X)["3"], net(X))
    if method == "flip":
        noise.set_step(net, 4)
        extract.load_state_dict(net.state_dict())
        assert torch.equal(extract(X)["3"], net(X)), "the flag is state of the extractor, too"


@pytest.mark.parametrize("method", ["gaussian", "gaussian-seeded"])
def test_a_traced_network_follows_train_and_eval(method):
    traced, plain = torch.fx.symbolic_trace(make(method)), make(method)
    assert torch.equal(traced(X), plain(X))
    torch.manual_seed(1)
    noisy = traced.train()(X)
    torch.manual_seed(1)
    assert torch.equal(noisy, plain.train()(X))
    assert traced.state_dict().keys() == plain.state_dict().keys()


def test_negate_is_nothing_to_all_of_them():
    net = negating()
    norm = next(module for module in net.modules() if isinstance(module, nn.BatchNorm2d))
    assert (norm.weight == -1).all()
    for either in net, copy.deepcopy(net):
        expected = either(X)
        torch.testing.assert_close(torch.export.export(either, (X,)).module()(X), expected)
        torch.testing.assert_close(torch.jit.trace(either, X)(X), expected)
        torch.testing.assert_close(torch.fx.symbolic_trace(either)(X), expected)
        torch.testing.assert_close(torch.compile(either, backend="eager", fullgraph=True)(X), expected)
    for method in net.modules():
        if isinstance(method, noise.Negate):
            assert torch.equal(torch.jit.script(method)(X), X)


@pytest.mark.parametrize("method", ["flip", "flip-half"])
def test_an_average_scripts_with_the_sign_in_force(method):
    net = make(method)
    average = copy.deepcopy(net)
    average[2].flag.fill_(0.125)  # as an average leaves it
    assert torch.equal(torch.jit.script(average)(X), net(X))
