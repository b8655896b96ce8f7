"""Figure 1 of the paper: ReLU, and CliffReLU, which drops everything beyond a constant to zero (Eq. 1)."""

from collections.abc import Iterator

import torch
from matplotlib.figure import Figure

from noise.autorelu import cliff_relu
from stages.reporting.printing import caption
from stages.reporting.style import COLORS, GREY, PAPER, figure


def figures(constant: float) -> Iterator[tuple[str, Figure]]:
    """Yield (file name, figure); constant is where the cliff stands."""
    yield "figure-01-relu-and-cliff-relu.png", draw(constant)


def draw(constant: float) -> Figure:
    """Two panels with the same axes, y against x."""
    drawn = figure(height=1.65)
    x = torch.linspace(-0.5 * constant, 1.5 * constant, 2001)
    left, right = drawn.subplots(1, 2, sharey=True)
    _curve(left, x, torch.relu(x), COLORS["baseline"], constant)
    _curve(right, x, cliff_relu(x, constant), COLORS["dynamic"], constant)
    left.set(title="(a) ReLU", ylabel="y")
    left.set_xticks([0, constant], ["0", f"{constant:g}"])
    right.set_title("(b) CliffReLU")
    right.set_xticks([0, constant], ["0", f"Constant = {constant:g}"])
    caption(
        drawn,
        f"The functions themselves, no data: y = x above 0, else 0; in (b) also 0 from the constant, {constant:g}, on "
        "(open circle: left out; filled: the value there).",
    )
    return drawn


def _curve(axes, x, y, color, constant):
    # In two parts where the curve falls: a line across would say that the function takes the values in between.
    steps = y.diff()
    fall = int(steps.argmin()) + 1 if steps.min() < -0.5 * constant else len(x)
    for part in (slice(0, fall), slice(fall, None)):
        axes.plot(x[part].numpy(), y[part].numpy(), color=color, clip_on=False)
    if fall < len(x):
        axes.plot([constant] * 2, [0, constant], ":", color=GREY, linewidth=0.8)
        point = {"color": color, "markersize": 3.5, "markeredgewidth": 0.9}
        axes.plot(constant, constant, "o", markerfacecolor=PAPER, **point)
        axes.plot(constant, float(cliff_relu(torch.tensor(constant), constant)), "o", **point)
    # Both branches at 0 stand clear of the axis.
    axes.set(xlabel="x", xlim=(float(x[0]), float(x[-1])), ylim=(-0.15 * constant, 1.5 * constant))
    axes.set_yticks([0, constant], ["0", f"{constant:g}"])
