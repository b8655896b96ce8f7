"""Figure 1 of the paper: ReLU, and CliffReLU, which drops everything beyond a constant to zero (Eq. 1)."""

import torch

from noise.dynamic import cliff_relu
from stages.figures.style import GREY, VARIANTS, figure


def figures(constant):
    """Yield (file name, figure); constant is where the cliff stands."""
    yield "figure-01-relu-and-cliff-relu.png", draw(constant)


def draw(constant):
    """Two panels with the same axes, y against x."""
    drawn = figure(height=1.65)
    x = torch.linspace(-0.5 * constant, 1.5 * constant, 2001)
    for axes, letter, name, y in zip(drawn.subplots(1, 2, sharey=True), "ab", ("ReLU", "CliffReLU"), (torch.relu(x), cliff_relu(x, constant))):
        # Split where the curve falls: a line across would say that the function takes the values in between.
        fall = int(y.diff().argmin()) + 1 if y.diff().min() < -0.5 * constant else len(x)
        for part in (slice(0, fall), slice(fall, None)):
            axes.plot(x[part].numpy(), y[part].numpy(), color=VARIANTS["baseline" if name == "ReLU" else "dynamic"].color, clip_on=False)
        if fall < len(x):
            axes.plot([float(x[fall])] * 2, [0, float(y[fall - 1])], ":", color=GREY, linewidth=0.8)
        axes.set_title(f"({letter}) {name}")
        name_of_it = "Constant = " if name == "CliffReLU" else ""
        axes.set_xticks([0, constant], ["0", f"{name_of_it}{constant:g}"])
        axes.set_yticks([0, constant], ["0", f"{constant:g}"])
        axes.set(xlabel="x", xlim=(float(x[0]), float(x[-1])), ylim=(0, 1.5 * constant))
    drawn.axes[0].set_ylabel("y")
    return drawn
