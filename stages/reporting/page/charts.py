"""The charts that Vega draws of the runs' curves: what it is told of them.

The page's own legend turns variants on and off: the parameter `hidden` of every chart lists those that are off.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from stages.reporting.page.chart_data import numbers, step
from stages.reporting.page.markdown import Table
from stages.reporting.runs import Run, Runs, look_of

HEIGHT = 260  # pixels
SHADE = 0.1  # opacity of the ground where all sites are flipped
LANE = 7  # pixels of a variant's flipped stretches above the plot
INK = "currentColor"  # the page's, light or dark: a variant that is black on paper takes it


class Chart(NamedTuple):
    """name: in ids. lines: column of curves.csv: what it is called in the chart; the first is drawn solid.

    numbers: a table for each column, epoch by epoch.
    """

    name: str
    title: str
    caption: str
    spec: dict[str, Any]
    numbers: list[tuple[str, Table]]


class Variant(NamedTuple):
    """As the legend has it. flips: whether a sign ever turned in one of its runs."""

    title: str
    color: str
    n: int
    flips: bool


def variants(runs: Runs) -> list[Variant]:
    """In the order of the tables."""
    return [
        Variant(*_look(seeds), n=len(seeds), flips=any(run.flipped.any() for run in seeds.values()))
        for seeds in runs.values()
    ]


def charts(runs: Runs) -> dict[str, Chart]:
    """By name: train loss, validation macro F1, and cross-entropy on training and validation images."""
    made = (
        ("loss", "Train loss", "trained", {"train_loss": "cross-entropy, training passes"}),
        ("score", "Validation macro F1", "scored", {"val_macro_f1": "macro F1 on validation"}),
        (
            "overfitting",
            "Cross-entropy on validation and on training images",
            "scored",
            {"val_loss": "validation", "train_eval_loss": "training, in evaluation mode"},
        ),
    )
    return {name: _chart(runs, name, title, state, lines) for name, title, state, lines in made}


def _chart(runs: Runs, name: str, title: str, state: str, lines: dict[str, str]) -> Chart:
    known = variants(runs)
    flipping = [variant for variant in known if variant.flips]
    first, *others = lines
    caption = "Thin lines: seeds. Thick lines: their means."
    if others:
        caption += f" Solid: {lines[first]}; dashed: {', '.join(lines[other] for other in others)}."
    if flipping:
        caption += (
            f" Above, in each variant's colour: epochs {state} with flipped features (paler: in part of the sites,"
            " steps or runs). Grey over the whole height: the same of any variant that is shown."
        )
    apart = step(max(run.epochs for seeds in runs.values() for run in seeds.values()))
    if apart > 1:
        caption += f" One epoch in {apart} is drawn."
    layers = [
        *([_shade(state)] if flipping else []),
        *(_lane(place, variant, state) for place, variant in enumerate(flipping)),
        *(_line("seeds", column, thin=True, dashed=column in others) for column in reversed(lines)),
        *(_line("means", column, thin=False, dashed=column in others) for column in reversed(lines)),
        *(_hover(column, words) for column, words in lines.items()),
    ]
    label = "macro F1" if first == "val_macro_f1" else "mean cross-entropy, nats per image"
    tables = [(words, numbers(runs, column)) for column, words in lines.items()]
    about = f"{title} over epochs, a line for each variant. The numbers stand in the table below."
    return Chart(name, title, caption, _spec(runs, about, label, layers, len(flipping)), tables)


def _spec(runs: Runs, about: str, label: str, layers: Sequence[dict], lanes: int) -> dict[str, Any]:
    epochs = max(run.epochs for seeds in runs.values() for run in seeds.values())
    known = variants(runs)
    color = {"domain": [variant.title for variant in known], "range": [variant.color for variant in known]}
    return {
        "description": about,
        "width": "container",
        "height": HEIGHT,
        "padding": {"left": 4, "right": 8, "top": 8 + LANE * lanes, "bottom": 4},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": [{"name": "hidden", "value": []}],
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "title": "epoch",
                "scale": {"domain": [0.5, epochs + 0.5], "nice": False, "zero": False},
                "axis": {"format": "d", "tickMinStep": 1, "grid": False, "tickCount": min(epochs, 14)},
            },
            "y": {"type": "quantitative", "title": label, "scale": {"zero": False}, "axis": {"tickCount": 5}},
            "color": {"field": "variant", "type": "nominal", "scale": color, "legend": None},
        },
        "layer": list(layers),
        "config": {
            "background": None,
            "aria": False,
            "view": {"stroke": None},
            "axis": {
                "labelColor": INK, "titleColor": INK, "domainColor": INK, "tickColor": INK, "gridColor": INK,
                "gridOpacity": 0.12, "titleFontWeight": "normal", "labelFontSize": 12, "titleFontSize": 12,
            },
        },
    }  # fmt: skip


def _shown() -> dict[str, Any]:
    return {"filter": "indexof(hidden, datum.variant) < 0"}


def _shade(state: str) -> dict[str, Any]:
    """Behind everything: the largest share of the variants that are shown, so that two never mix into a third."""
    largest = {"aggregate": [{"op": "max", "field": state, "as": state}], "groupby": ["from", "to"]}
    return {
        "data": {"name": "means"},
        "transform": [
            _shown(),
            {"filter": f"datum.{state} > 0"},
            largest,
            {"calculate": f"{SHADE} * datum.{state}", "as": "shade"},
        ],
        "mark": {"type": "rect", "color": INK},
        "encoding": {
            "x": {"field": "from", "type": "quantitative"},
            "x2": {"field": "to"},
            "y": {"value": 0},
            "y2": {"value": HEIGHT},
            "color": {"value": INK},
            "opacity": _as_it_is("shade"),
        },
    }


def _lane(place: int, variant: Variant, state: str) -> dict[str, Any]:
    bottom = -4 - LANE * place
    mine = f"datum.{state} > 0 && datum.variant === {_quoted(variant.title)}"
    return {
        "data": {"name": "means"},
        "transform": [_shown(), {"filter": mine}],
        "mark": {"type": "rect"},
        "encoding": {
            "x": {"field": "from", "type": "quantitative"},
            "x2": {"field": "to"},
            "y": {"value": bottom},
            "y2": {"value": bottom - LANE + 2},
            "opacity": _as_it_is(state),
            "tooltip": [
                {"field": "variant", "type": "nominal"},
                {"field": "epoch", "type": "quantitative"},
                {"field": state, "type": "quantitative", "format": ".0%", "title": f"{state} with flipped features"},
            ],
        },
    }


def _as_it_is(field: str) -> dict[str, Any]:
    """The field is an opacity already."""
    return {"field": field, "type": "quantitative", "scale": None, "legend": None}


def _line(rows: str, column: str, thin: bool, dashed: bool) -> dict[str, Any]:
    width, opacity = (0.8, 0.4) if thin else (2.4, 1)
    dash = [4, 3] if dashed else [1, 0]
    encoding: dict[str, Any] = {"y": {"field": column, "type": "quantitative"}}
    if thin:
        encoding["detail"] = {"field": "seed", "type": "nominal"}
    mark = {"type": "line", "strokeWidth": width, "opacity": opacity, "strokeDash": dash, "strokeJoin": "round"}
    return {"data": {"name": rows}, "transform": [_shown()], "mark": mark, "encoding": encoding}


def _hover(column: str, words: str) -> dict[str, Any]:
    nearest = {"type": "point", "nearest": True, "on": "pointerover", "clear": "pointerout"}
    cells = [(column, f"mean: {words}"), (f"{column}_least", "lowest seed"), (f"{column}_most", "highest seed")]
    return {
        "data": {"name": "means"},
        "transform": [_shown()],
        "params": [{"name": f"near_{column}", "select": nearest}],
        "mark": {"type": "point", "filled": True, "size": 60},
        "encoding": {
            "y": {"field": column, "type": "quantitative"},
            "opacity": {"condition": {"param": f"near_{column}", "empty": False, "value": 1}, "value": 0},
            "tooltip": [
                {"field": "variant", "type": "nominal"},
                {"field": "epoch", "type": "quantitative"},
                *({"field": field, "type": "quantitative", "format": ".3f", "title": title} for field, title in cells),
                {"field": "n", "type": "quantitative"},
            ],
        },
    }


def _look(seeds: dict[int, Run]) -> tuple[str, str]:
    title, color = look_of(seeds)
    return title, INK if color == "#000000" else color


def _quoted(text: str) -> str:
    """A text in Vega's language of expressions, which is JavaScript's."""
    return json.dumps(text)
