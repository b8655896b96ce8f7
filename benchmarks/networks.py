"""How many sites of which set which network has, checked against a real forward pass: docs/networks.md.

    python -m benchmarks.networks [LIBRARY/NAME ...]

All of torchvision's classifiers and a selection of timm's, without weights to download, one at a time; with names, only
their rows, printed. Each network is traced, run once on an example, and run once more with a hook on each BatchNorm:
all three must say the same, or this ends with an error. Takes some minutes on one core.
"""

import argparse
import gc
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from textwrap import wrap

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

import noise

PAGE = Path(__file__).parents[1] / "docs" / "networks.md"
KINDS = [kind for kind in noise.SITE_SETS if kind != "all"]
SIZES = (64, 96, 128, 224, 256, 299)

# One or two of each family that holds BatchNorms.
TIMM = """
resnet18 resnet50 resnet50d resnext50_32x4d seresnet50 skresnet18 resnest14d res2net50_26w_4s resnetv2_18 resnetblur18
regnetx_004_tv regnety_004 dla34 dpn68 densenet121 vgg11_bn inception_v3 inception_v4 inception_resnet_v2 xception41
legacy_xception nasnetalarge pnasnet5large efficientnet_b0 efficientnet_lite0 efficientnet_es tf_efficientnetv2_s
mobilenetv2_100 mobilenetv3_small_100 mobilenetv3_large_100 mobilenetv4_conv_small mnasnet_100 fbnetc_100 lcnet_050
mixnet_s ghostnet_100 repghostnet_050 rexnet_100 repvgg_a0 mobileone_s0 repvit_m0_9 fastvit_t8 hrnet_w18_small
hgnetv2_b0 ese_vovnet19b_dw cspresnet50 darknet53 selecsls42 tresnet_m gernet_s convmixer_768_32 levit_128s
efficientformer_l1 efficientvit_b0 efficientvit_m0 mobilevit_xxs tiny_vit_5m_224 coatnet_nano_rw_224 visformer_tiny
nextvit_small botnet26t_256 lambda_resnet26t
"""

TITLE = """\
# Sites by network

`first` and the other sets of sites are what [method.md](method.md) says; the rules are in `noise/sites/__init__.py`.
This table is made by `python -m benchmarks.networks`, with {versions}.
Of each network, the sites were found by tracing it and by running it once on an example; both gave the same. A hook on
each BatchNorm then saw exactly those of `all` called, in this order and with these channels, in a forward pass of the
network in training mode. *Observed only*: torch.fx cannot follow the forward, so that attaching needs `example_input=`.

- **size**: of the square images that it ran on, the smallest of {sizes} that it takes.
- **active**: how many of `first` an activation reads. Before the others the noise meets a convolution or an addition
  first; where these are more than half, attaching says so.
- `block` counts sums that ReLU alone reads.

What may surprise in it:

- Networks without additions (DenseNet, Inception, ShuffleNet, VGG, VoVNet, LCNet) have no blocks, and `first` in each
  unit.
- A layer that adds is a block of its own, inside of another one too: the branches that RepVGG, MobileOne, RepGhost,
  RepViT and FastViT fold for inference, HRNet's exchange between resolutions, the lambda layers of LambdaNetworks, the
  cells of NASNet, and LeViT's head, which averages two classifiers.
- torchvision's MNASNet lays its first separable convolution flat among the layers, where timm's has a block for it: the
  depthwise BatchNorm is in `stem` there and in `first` here. timm's Inception has no auxiliary head. The other networks
  that are in both libraries have the same sites.
- A stem of several layers, as that of Inception-ResNet or MobileNetV4, is `stem` as a whole.
"""


@dataclass(frozen=True)
class Row:
    """The sites of a network; how: "traced" or "observed only"."""

    network: str
    size: int
    counts: Counter[str]
    active: int
    how: str

    def __str__(self) -> str:
        counts = [self.counts[kind] for kind in KINDS] + [self.counts.total() - self.counts["block"]]
        cells = [self.network, self.size, *(count or "-" for count in counts), self.active or "-", self.how]
        return f"| {' | '.join(map(str, cells))} |"


HEADER = f"| network | size | {' | '.join([*KINDS, 'all', 'active', 'found'])} |"


def every() -> list[str]:
    return [f"torchvision/{name}" for name in torchvision.models.list_models(torchvision.models)] + [
        f"timm/{name}" for name in TIMM.split()
    ]


def make(network: str) -> nn.Module:
    """The network by the name that the table has for it, with random weights."""
    library, name = network.split("/")
    if library == "timm":
        import timm

        return timm.create_model(name, pretrained=False)
    with warnings.catch_warnings():  # of GoogLeNet and Inception, on how they draw their weights
        warnings.simplefilter("ignore")
        return torchvision.models.get_model(name, weights=None)


def has_batchnorm(network: str) -> bool:
    try:
        with torch.device("meta"):
            model = make(network)
    except NotImplementedError:  # its widths are computed as tensors
        model = make(network)
    return any(isinstance(module, _BatchNorm) for module in model.modules())


def row(network: str) -> Row:
    """Raises AssertionError where the ways of looking at the network do not agree."""
    model = make(network)
    x = example(model)
    observed = sites(model, x)
    try:
        assert sites(model) == observed, f"{network} has other sites when it is traced"
        how = "traced"
    except ValueError:
        how = "observed only"
    found = [(site.name, site.channels) for site in observed if site.kind != "block"]
    assert found == called(model, x), f"{network} calls other BatchNorms than those that were found"
    first = [site for site in observed if site.kind == "first"]
    active = sum(site.activated for site in first)
    return Row(network, x.shape[-1], Counter(site.kind for site in observed), active, how)


def sites(model: nn.Module, example_input: Tensor | None = None) -> list[noise.Site]:
    """All of them, the sums included."""
    try:
        return noise.find_sites(model, ["all", "block"], example_input=example_input)
    except ValueError as error:
        if "no site in the set 'block'" not in str(error):
            raise
        return noise.find_sites(model, "all", example_input=example_input)


def example(model: nn.Module) -> Tensor:
    """An image of the smallest of `SIZES` on which the network runs in training."""
    for size in SIZES:
        x = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
        try:
            called(model, x)
        except (RuntimeError, AssertionError, ValueError):
            continue
        return x
    raise ValueError(f"{type(model).__name__} runs on no image of {SIZES}")


@torch.no_grad()
def called(model: nn.Module, x: Tensor) -> list[tuple[str, int]]:
    """The BatchNorms that a forward pass in training calls, by their first call, and the channels of their output."""
    seen: dict[str, int] = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: seen.setdefault(name, out.shape[1]) and None)
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm)
    ]
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()  # which takes a batch of one
    try:
        model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return list(seen.items())


def page() -> Iterator[str]:
    """The lines of docs/networks.md."""
    versions = ", ".join(f"{library} {version(library).split('+')[0]}" for library in ("torch", "torchvision", "timm"))
    yield from TITLE.format(versions=versions, sizes=", ".join(map(str, SIZES))).splitlines()
    without = []
    yield from ("", HEADER, "|---|" + "--:|" * (len(KINDS) + 3) + "---|")
    for network in every():
        if has_batchnorm(network):
            line = str(row(network))
            print(line, flush=True)
            yield line
        else:
            without.append(network.split("/")[1])
        gc.collect()
    names = f"Without BatchNorm, and so without sites: {', '.join(without)} (torchvision)."
    yield from ("", *wrap(names, 120, break_on_hyphens=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="LIBRARY/NAME")
    networks = parser.parse_args().networks
    torch.set_num_threads(1)
    if networks:
        print(HEADER, *map(row, networks), sep="\n")
    else:
        PAGE.write_text("\n".join(page()) + "\n")
        print(f"written to {PAGE.relative_to(PAGE.parents[1])}")


if __name__ == "__main__":
    main()
