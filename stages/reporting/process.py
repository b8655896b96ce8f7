"""Figure 2 of the paper: what periodic and dynamic injection do to a feature map, on a real one."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.markers import CARETRIGHT

from noise.autorelu import cliff_relu
from stages.reporting.printing import caption
from stages.reporting.style import COLORS, DIVERGING, GREY, PAGE, SMALL, figure
from stages.reporting.typesetting import shown
from stages.results.inputs import BadInput, read_arrays

HEIGHT, TILE, LARGE = 3.75, 0.8, 1.15  # inches: the figure, a feature map, the two maps that all rows share
W = 0.002  # drawn where `dynamic.start` is auto: every run has its own then
LEFT = {"image": 0.05, "x": 1.5, "signed": 3.52, "cut": 4.82, "out": 6.05}  # inches: left edges of the columns


class Row(NamedTuple):
    """One of the panels (a) to (d): the map after the sign, after the activation (None: the output), and the output."""

    title: str
    variant: str
    factor: str
    activation: str
    signed: torch.Tensor
    cut: torch.Tensor | None
    out: torch.Tensor


def figures(path: str | Path, w: float, constant: float) -> Iterator[tuple[str, Figure]]:
    """Yield (file name, figure) of the features in a file; w is drawn as +w and -w, constant is the cliff's.

    Raises BadInput where it does not hold `image` (H, W, C) and `bn` (channels, h, w), what BatchNorm gives for it,
    with `run`, `site` and `channels`, which say where.
    """
    arrays = read_arrays(path, ("image", "bn", "run", "site", "channels"), "stage evaluate-baseline writes it")
    image, maps, channels = (arrays[name] for name in ("image", "bn", "channels"))
    if not all(np.issubdtype(array.dtype, np.number) for array in (image, maps, channels)):
        raise BadInput(f"{path}: expected numbers, got {image.dtype}, {maps.dtype} and {channels.dtype}")
    maps = maps.astype(np.float32)
    if image.ndim != 3 or maps.ndim != 3 or not np.isfinite(maps).all():
        raise BadInput(
            f"{path}: expected image (H, W, C) and finite bn (channels, h, w), got {image.shape} and {maps.shape}"
        )
    if channels.shape != maps.shape[:1]:
        raise BadInput(f"{path}: {channels.size} channels named for {len(maps)} maps")
    if not (maps < 0).any():
        raise BadInput(f"{path}: bn holds no negative value, so an in-place ReLU has overwritten what BatchNorm gave")
    channel = most_signed(maps)
    drawn = draw(image, torch.from_numpy(maps[channel]), w, constant)
    caption(
        drawn,
        f"The first test image (n = 1) and channel {channels[channel]} (from 0) of BatchNorm's output at "
        f"{shown(str(arrays['site']))}, of the run {shown(str(arrays['run']))} (variant/seed). |w| = {w:g}; between "
        f"× w and ÷ |w| the colours stand for values smaller by that factor. CliffReLU's constant is {constant:g}.",
    )
    yield "figure-02-process-on-feature-maps.png", drawn


def most_signed(maps: np.ndarray) -> int:
    """The channel of maps (channels, h, w) whose positive and negative halves both have much to show."""
    return int(np.argmax(np.minimum(np.maximum(maps, 0).std((1, 2)), np.maximum(-maps, 0).std((1, 2)))))


def rows(x: torch.Tensor, w: float, constant: float) -> Iterator[Row]:
    """The panels of a feature map x: Algorithm 1, flag off and on; Eq. 2, by the absolute value, w > 0 and w < 0."""
    for title, factor, sign in (("(a) flag off", "× 1", 1), ("(b) flag on", "× (−1)", -1)):
        yield Row(title, "periodic", factor, "ReLU", sign * x, None, torch.relu(sign * x))
    for title, scale in (("(c) w > 0", w), ("(d) w < 0", -w)):
        cut = cliff_relu(scale * x, constant)
        yield Row(title, "dynamic", "× w", "CliffReLU", scale * x, cut, cut / w)


def draw(image: np.ndarray, x: torch.Tensor, w: float, constant: float) -> Figure:
    """From the image to BatchNorm's output x, and from there through the four panels to what the next layer sees."""
    drawn = figure(PAGE, HEIGHT)
    drawn.set_layout_engine("none")
    most = float(x.abs().max())
    middle = (HEIGHT - 0.2) / 2
    _tile(drawn, image, LEFT["image"], middle, LARGE, None, "Image")
    _tile(drawn, x, LEFT["x"], middle, LARGE, most, "BatchNorm output x")
    _arrow(drawn, LEFT["image"] + LARGE, middle, LEFT["x"], middle)
    for number, row in enumerate(rows(x, w, constant)):
        y = HEIGHT - 0.2 - (number + 0.5) * (HEIGHT - 0.2) / 4
        signed = LEFT["signed"] + TILE
        _arrow(drawn, LEFT["x"] + LARGE, middle, LEFT["signed"], y, bend=LEFT["x"] + LARGE + 0.12)
        _text(drawn, LEFT["signed"] - 0.38, y + 0.14, row.title, color=COLORS[row.variant], weight="bold")
        _text(drawn, LEFT["signed"] - 0.38, y - 0.1, row.factor)
        _tile(drawn, row.signed, LEFT["signed"], y, TILE, most if row.cut is None else most * w)
        if row.cut is None:
            _arrow(drawn, signed, y, LEFT["out"], y, row.activation)
        else:
            _arrow(drawn, signed, y, LEFT["cut"], y, row.activation)
            _tile(drawn, row.cut, LEFT["cut"], y, TILE, most * w)
            _arrow(drawn, LEFT["cut"] + TILE, y, LEFT["out"], y, "÷ |w|")
        _tile(drawn, row.out, LEFT["out"], y, TILE, most)
    for column, title in (("signed", "Sign"), ("cut", "Activation"), ("out", "Output")):
        _text(drawn, LEFT[column] + TILE / 2, HEIGHT - 0.1, title)
    _key(drawn, LEFT["x"], middle - LARGE / 2 - 0.2, most)
    return drawn


def _key(drawn, left, y, most):
    """What the colours of the maps mean."""
    axes = drawn.add_axes([left / PAGE, y / HEIGHT, LARGE / PAGE, 0.07 / HEIGHT])
    axes.imshow(np.linspace(-1, 1, 256)[None], DIVERGING, aspect="auto")
    axes.set_xticks([0, 127.5, 255], [f"−{most:.2g}", "0", f"{most:.2g}"], size=SMALL)
    axes.tick_params(length=0, pad=2)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _tile(drawn, values, left, y, side, most, title=None):
    """An image, or a map in colours from -most to most, `side` inches wide, centred at height y."""
    axes = drawn.add_axes([left / PAGE, (y - side / 2) / HEIGHT, side / PAGE, side / HEIGHT])
    if most is None:
        axes.imshow(np.broadcast_to(values, (*values.shape[:2], 3)))
    else:
        axes.imshow(values.numpy(), DIVERGING, vmin=-most, vmax=most)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=GREY, linewidth=0.4)
    if title:
        axes.set_title(title, size=7, loc="center", pad=4)


def _arrow(drawn, left, start, right, end, words="", bend=None):
    """An arrow between two tiles, in inches, with words above it; one that changes its height does so at x = bend."""
    gap = 0.05
    path = [(left + gap, start), *([] if bend is None else [(bend, start), (bend, end)]), (right - gap, end)]
    canvas = _canvas(drawn)
    canvas.plot(*zip(*path), color=GREY, linewidth=0.7, solid_capstyle="butt", solid_joinstyle="round")
    canvas.plot(*path[-1], marker=CARETRIGHT, markersize=3.5, color=GREY, markeredgewidth=0)
    _text(drawn, (left + right) / 2, end + 0.1, words, size=SMALL)


def _text(drawn, x, y, words, **style):
    _canvas(drawn).text(x, y, words, va="center", **{"ha": "center", **style})


def _canvas(drawn):
    """Axes over the whole figure in inches."""
    for axes in drawn.axes:
        if axes.get_label() == "canvas":
            return axes
    axes = drawn.add_axes([0, 0, 1, 1], label="canvas", zorder=-1)
    axes.set(xlim=(0, PAGE), ylim=(0, HEIGHT))
    axes.set_axis_off()
    return axes
