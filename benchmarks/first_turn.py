"""What autograd's rounding noise makes of `noise.first_turn`: networks are trained until the sites of AutoReLU turn.

    python -m benchmarks.first_turn [--seeds 3] [--batch 8] [--starts .0005 .001 ...]

Two networks on random images (ResNet-18 at 32 px with eight sites, and four small blocks at 16 px), under Adam at
learning rate and decay 1e-4, each for twice the predicted number of steps. Some five minutes on one core. Prints the
table and writes it to docs/first-turn.md.
"""

import argparse
import statistics
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock

import noise
from noise.first_turn import first_turn

CLASSES = 7
PAGE = Path(__file__).parents[1] / "docs" / "first-turn.md"
TEXT = """# When AutoReLU's sign first turns

`noise.first_turn(start)` computes the step from weight decay alone. That is exact with `gradient="exact"`. With
`gradient="autograd"` the rounding noise of Eq. 2's derivative, about 1e-9 to 1e-6, is added to the decay
`weight_decay * w`, which near zero is as small. Adam normalises the sum of the two.

Measured by `python -m benchmarks.first_turn` under Adam at learning rate and weight decay 1e-4, {seeds} seeds, random
images in batches of {batch}: the step after which the first of the sites had turned (median over the seeds, least and
most), and the share of all sites that had turned after twice the predicted steps. "None" says that no site had by then.

"""


def small(num_classes: int) -> nn.Module:
    """Four residual blocks of 16 channels."""
    stem = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)
    blocks = [BasicBlock(16, 16) for _ in range(4)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, num_classes))


SMALL, LARGE = "four small blocks, 16 px", "ResNet-18, 32 px"
NETWORKS = {SMALL: (small, 16), LARGE: (resnet18, 32)}


def turns(network: str, gradient: str, start: float, steps: int, seed: int, batch: int) -> list[int | None]:
    """For each site the step after which it was first negative."""
    make, size = NETWORKS[network]
    torch.manual_seed(seed)
    model = make(num_classes=CLASSES)
    noise.attach_dynamic(model, start, gradient=gradient)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, weight_decay=1e-4)
    images = torch.randn(8 * batch, 3, size, size)
    labels = torch.randint(CLASSES, (8 * batch,))
    found: list[int | None] = [None] * len(noise.site_names(model))
    for step in range(1, steps + 1):
        part = slice(step % 8 * batch, (step % 8 + 1) * batch)
        optimizer.zero_grad()
        F.cross_entropy(model(images[part]), labels[part]).backward()
        optimizer.step()
        for site, sign in enumerate(noise.signs(model).tolist()):
            if sign < 0 and found[site] is None:
                found[site] = step
        if None not in found:
            break
    return found


def row(network: str, gradient: str, start: float, arguments: argparse.Namespace) -> str:
    """One line of the table."""
    predicted = first_turn(start)
    assert predicted is not None
    runs = [turns(network, gradient, start, 2 * predicted, seed, arguments.batch) for seed in range(arguments.seeds)]
    firsts = [min(steps) for run in runs if (steps := [step for step in run if step is not None])]
    sites = [step for run in runs for step in run]
    if firsts:
        measured = f"{statistics.median(firsts):g} ({min(firsts)} to {max(firsts)})"
        if len(firsts) < len(runs):
            measured += f", {len(runs) - len(firsts)} of {len(runs)} runs none"
    else:
        measured = "none"
    share = sum(step is not None for step in sites) / len(sites)
    return f"| {network} | {gradient} | {start:g} | {predicted} | {measured} | {share:.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--starts", type=float, nargs="+", default=[0.0005, 0.001, 0.002, 0.003, 0.005, 0.01])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = ["| network | gradient | start | predicted | first site | sites within twice |", "| --- " * 6 + "|"]
    print(*lines, sep="\n")
    # Without a derivative the weight knows nothing of the network: one network shows it.
    for network, gradient in ((SMALL, "exact"), (SMALL, "autograd"), (LARGE, "autograd")):
        for start in arguments.starts:
            lines.append(row(network, gradient, start, arguments))
            print(lines[-1], flush=True)
    PAGE.write_text(TEXT.format(**vars(arguments)) + "\n".join(lines) + "\n")
    print(f"written to {PAGE.relative_to(PAGE.parents[1])}")


if __name__ == "__main__":
    main()
