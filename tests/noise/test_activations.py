"""What reads a BatchNorm's output, in the ways in which people write it: traced and observed."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import noise

RELU, OTHER, NONE = (True, True), (False, True), (False, False)  # rectified, activated


class Unit(nn.Module):
    """A convolution, a BatchNorm, and what `form` makes of its output; as first unit behind a stem."""

    def __init__(self, form):
        super().__init__()
        self.stem, self.conv = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
        self.stem_bn, self.bn = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.form, self.scale, self.inplace = form, nn.Parameter(torch.ones(4, 1, 1)), nn.ReLU(inplace=True)

    def forward(self, x):
        return self.form(self, self.bn(self.conv(F.relu(self.stem_bn(self.stem(x))))))


class Bent(nn.Module):
    def forward(self, x):
        return x * torch.tanh(x.exp())


class Learned(nn.Module):
    """An activation with a parameter, under a name that says so."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.1))

    def forward(self, x):
        return F.relu(x) - self.slope * F.relu(-x)


class LearnedReLU(Learned):
    pass


class ReLU(nn.Module):
    """Of one's own, and another function than its name says."""

    def forward(self, x):
        return F.leaky_relu(x)


class Renamed(nn.ReLU):
    pass


class DropActivation(nn.Module):
    def forward(self, x):
        return torch.where(torch.rand_like(x) < 0.9, F.relu(x), x)


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x * x.sigmoid()


def made(*modules):
    """A form that calls the modules, which a network holds."""
    sequence = nn.Sequential(*modules)

    def form(self, x):
        self.sequence = sequence
        return self.sequence(x)

    form.sequence = sequence
    return form


def statements(form):
    """A form of several statements, of which the last is the value."""

    def run(self, x):
        return [statement(x) for statement in form][-1]

    return run


FORMS = {
    "relu": (lambda m, x: F.relu(x), RELU),
    "relu6": (lambda m, x: F.relu6(x), RELU),
    "method": (lambda m, x: x.relu(), RELU),
    "in place": (statements([lambda x: x.relu_(), lambda x: x * 2]), RELU),
    "one module in place": (lambda m, x: (m.inplace(x), m.conv(x))[1], RELU),
    "made in forward": (lambda m, x: nn.ReLU(inplace=True)(x), RELU),
    "sequence": (made(nn.Sequential(nn.Identity(), nn.ReLU()), nn.Conv2d(4, 4, 1)), RELU),
    "max-pool": (lambda m, x: F.relu(F.max_pool2d(x, 2)), RELU),
    "max-pool, module": (made(nn.MaxPool2d(2), nn.ReLU()), RELU),
    "dropout": (lambda m, x: F.relu(F.dropout(x, 0.5, m.training)), RELU),
    "dropout, module": (made(nn.Dropout2d(), nn.ReLU()), RELU),
    "flatten": (lambda m, x: F.relu(x.flatten(1)), RELU),
    "size": (lambda m, x: F.relu(x).view(x.size(0), -1), RELU),
    "shape": (lambda m, x: F.relu(x).reshape(x.shape[0], x.shape[1] * x.shape[2], -1), RELU),
    "noise of its shape": (lambda m, x: F.relu(x) * torch.rand_like(x), RELU),
    "concatenated": (lambda m, x: F.relu(torch.cat([x, x.detach()], 1)), RELU),
    "checked": (statements([lambda x: torch.isfinite(x).all(), lambda x: x.abs().mean(), F.relu]), RELU),
    "recomputed": (lambda m, x: checkpoint(F.relu, x, use_reentrant=True), RELU),
    "renamed": (made(Renamed()), RELU),
    "through a view": (statements([lambda x: x.view(x.size(0), -1).relu_(), lambda x: x * 2]), RELU),
    "through parts": (statements([lambda x: x[:, :2].relu_(), lambda x: x.transpose(0, 1) * 2]), OTHER),
    "through all parts": (
        statements([lambda x: x[:, :2].relu_(), lambda x: x.narrow(1, 2, 2).relu_(), lambda x: x * 2]),
        OTHER,
    ),
    "out": (statements([lambda x: torch.clamp(x, min=0, out=x), lambda x: x.relu()]), OTHER),
    "data": (lambda m, x: F.relu(x.data), RELU),
    "requires_grad_": (lambda m, x: F.relu(x.requires_grad_()), RELU),
    "returned too": (lambda m, x: (F.relu(x), x), OTHER),
    "returned in another shape": (lambda m, x: {"logits": F.relu(x), "features": [x.flatten(1)]}, OTHER),
    "alpha dropout": (lambda m, x: F.relu(F.alpha_dropout(x, 0.5, m.training)), OTHER),
    "alpha dropout, module": (made(nn.FeatureAlphaDropout(), nn.ReLU()), OTHER),
    "of one's own": (made(ReLU()), OTHER),
    "random activation": (made(DropActivation(), nn.Conv2d(4, 4, 1)), OTHER),
    "average pool": (lambda m, x: F.relu(F.avg_pool2d(x, 2)), OTHER),
    "scaled": (lambda m, x: F.relu(x * m.scale), OTHER),
    "read twice": (lambda m, x: (F.relu(x), m.conv(x)), OTHER),
    "gelu": (lambda m, x: F.gelu(x), OTHER),
    "hardtanh": (lambda m, x: F.hardtanh(x), OTHER),
    "threshold": (lambda m, x: F.threshold(x, 0.1, 0.0), OTHER),
    "clamp": (lambda m, x: x.clamp(min=0), OTHER),
    "maximum": (lambda m, x: torch.maximum(x, torch.zeros(())), OTHER),
    "max of two": (lambda m, x: torch.max(x, torch.zeros(())), OTHER),
    "where": (lambda m, x: torch.where(x > 0, x, 0.1 * x), OTHER),
    "mask": (lambda m, x: x * (x > 0), OTHER),
    "swish": (lambda m, x: x * torch.sigmoid(x), OTHER),
    "hardswish": (lambda m, x: x * F.relu6(x + 3) / 6, OTHER),
    "prelu": (made(nn.PReLU()), OTHER),
    "function of one's own": (lambda m, x: Swish.apply(x), OTHER),
    "module of one's own": (made(Bent()), OTHER),
    "with a parameter": (made(LearnedReLU()), OTHER),
    "convolution": (lambda m, x: m.conv(x), NONE),
    "convolution, module": (made(nn.Conv2d(4, 4, 1), nn.ReLU()), NONE),
    "unknown, with a parameter": (made(Learned()), NONE),
    "pool": (lambda m, x: F.adaptive_avg_pool2d(x, 1).flatten(1), NONE),
    "max along a dimension": (lambda m, x: x.max(1), NONE),
    "softmax": (made(nn.Softmax(1)), NONE),
    "nothing": (lambda m, x: x, NONE),
}


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("name", FORMS)
def test_what_reads_a_batchnorm(name, observed):
    form, expected = FORMS[name]
    model = Unit(form)
    if hasattr(form, "sequence"):
        model.sequence = form.sequence
    example_input = torch.randn(2, 3, 4, 4) if observed else None
    stem, site = noise.find_sites(model, "all", example_input=example_input)
    assert (stem.kind, stem.rectified, stem.activated) == ("stem", True, True)
    assert (site.rectified, site.activated) == expected
    assert site.kind == ("first" if site.activated else "other")


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("name", FORMS)
def test_a_positive_weight_leaves_all_that_is_returned_to_the_bit(name):
    form = FORMS[name][0]
    results = []
    for attached in (False, True):
        torch.manual_seed(0)
        model = Unit(form)
        if hasattr(form, "sequence"):
            model.sequence = form.sequence
        x = torch.randn(2, 3, 4, 4)
        if attached:
            noise.attach_dynamic(model, 1e-3, "all", example_input=x)
        with torch.no_grad():
            results.append(torch.utils._pytree.tree_leaves(model(x)))
    assert all(torch.equal(plain, attached) for plain, attached in zip(*results, strict=True))
