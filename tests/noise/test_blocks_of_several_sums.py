"""Which BatchNorm plays which part in a block that adds more than once, or more than two."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import noise
from tests.noise.block_sites import conv, kinds


class ThreeBranches(nn.Module):
    """RepVGG's block: 3 x 3, 1 x 1 and no convolution, each with its BatchNorm; `form` adds them."""

    def __init__(self, form):
        super().__init__()
        self.form = form
        self.conv3, self.conv1 = conv(4, 4), conv(4, 4, kernel=1)
        self.bn3, self.bn1, self.bn0 = (nn.BatchNorm2d(4) for _ in range(3))

    def forward(self, x):
        return F.relu(self.form(self.bn3(self.conv3(x)), self.bn1(self.conv1(x)), self.bn0(x)))


def accumulated(*terms):
    total = 0
    for term in terms:
        total += term
    return total


@pytest.mark.parametrize(
    "form",
    [
        lambda a, b, c: a + b + c,
        lambda a, b, c: c + (b + a),
        lambda a, b, c: a.add(b).add_(c),
        lambda a, b, c: torch.add(c, torch.add(a, b)),
        lambda a, b, c: sum([a, b, c]),
        lambda a, b, c: sum([c, b, a], 0.0),
        lambda a, b, c: accumulated(b * 1.0, a, c),
    ],
)
def test_a_block_of_several_branches_has_one_first(form):
    stem = conv(3, 4), nn.BatchNorm2d(4), nn.ReLU()
    for model in (
        nn.Sequential(*stem, ThreeBranches(form), ThreeBranches(form)),
        nn.Sequential(*stem, ThreeBranches(form)),
    ):
        found = kinds(model)
        blocks = [name.split(".")[0] for name, kind in found.items() if kind == "first"]
        assert blocks == [name for name, block in model.named_children() if isinstance(block, ThreeBranches)]
        for name, kind in found.items():
            if name.startswith("3."):
                # A branch without a convolution is never the main path; the two with one are as heavy.
                assert kind in {"3.bn0": ("shortcut",), "3.join_1": ("block",)}.get(name, ("first", "shortcut"))


class Res2(nn.Module):
    """Gao et al. 2019: the channels are split, and each part is added to what came of the one before."""

    def __init__(self, projected=False):
        super().__init__()
        self.conv1, self.bn1, self.conv3, self.bn3 = conv(8, 8), nn.BatchNorm2d(8), conv(8, 8), nn.BatchNorm2d(8)
        self.convs = nn.ModuleList(conv(2, 2) for _ in range(3))
        self.bns = nn.ModuleList(nn.BatchNorm2d(2) for _ in range(3))
        self.shortcut = nn.Sequential(conv(8, 8, kernel=1), nn.BatchNorm2d(8)) if projected else nn.Identity()

    def forward(self, x):
        parts = torch.split(F.relu(self.bn1(self.conv1(x))), 2, 1)
        out = [parts[3]]
        part = parts[0]
        for place, (convolution, norm) in enumerate(zip(self.convs, self.bns)):
            part = part if place == 0 else part + parts[place]
            part = F.relu(norm(convolution(part)))
            out.append(part)
        return F.relu(self.bn3(self.conv3(torch.cat(out, 1))) + self.shortcut(x))


def test_the_main_path_goes_through_inner_sums():
    main = {"bn1": "first", "bns.0": "second", "bns.1": "third", "bns.2": "other", "bn3": "other", "join_2": "block"}
    assert kinds(nn.Sequential(conv(3, 8), Res2(), Res2(projected=True))) == {
        **{f"1.{name}": kind for name, kind in main.items()},
        **{f"2.{name}": kind for name, kind in main.items()},
        "2.shortcut.1": "shortcut",
    }


class Fuse(nn.Module):
    """HRNet's exchange: each of two resolutions gets the sum over both."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(conv(4, 4, stride=2), nn.BatchNorm2d(4))
        self.up = nn.Sequential(conv(4, 4, kernel=1), nn.BatchNorm2d(4), nn.Upsample(scale_factor=2))

    def forward(self, x):
        return F.relu(x[0] + self.up(x[1])), F.relu(self.down(x[0]) + x[1])


class HighResolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.bn, self.transition = conv(3, 4), nn.BatchNorm2d(4), conv(4, 4, stride=2)
        self.fuse1, self.fuse2 = Fuse(), Fuse()

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        high, _ = self.fuse2(self.fuse1([x, self.transition(x)]))
        return high


def test_a_block_of_several_sums_side_by_side_has_one_first():
    block = {"up.1": "first", "down.1": "shortcut", "join": "block", "join_1": "block"}
    expected = {f"fuse{place}.{name}": kind for place in (1, 2) for name, kind in block.items()}
    assert kinds(HighResolution()) == {"bn": "stem", **expected}


class TwoSums(nn.Module):
    """A transformer's block in convolutions: it adds twice, one after the other."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.mixer, self.mlp = conv(4, 4), nn.Sequential(conv(4, 8, kernel=1), nn.GELU(), conv(8, 4, kernel=1))

    def forward(self, x):
        x = x + self.mixer(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def test_a_block_that_adds_twice_is_one_block():
    model = nn.Sequential(conv(3, 4), TwoSums(), TwoSums())
    assert kinds(model) == {"1.norm1": "first", "1.norm2": "second", "2.norm1": "first", "2.norm2": "second"}
    assert [site.activated for site in noise.find_sites(model, "all")] == [False] * 4
