"""Curves over epochs, from a table with the columns variant, seed and flipped: a panel for each variant.

Where the curves of two revisions are equal, both are seen: a thin line on a wide and pale one.
"""

from stages.reporting.charts.parts import (
    AS_GIVEN,
    X_LABEL,
    Y_LABEL,
    Spec,
    X,
    Y,
    by_revision,
    by_variant,
    chart,
    numbered_revisions,
)
from stages.reporting.style import BASELINE, GREY

ACROSS = 5  # panels, of those of the default run; more begin another row
WIDTH, HEIGHT = 210, 200  # pixels of a panel: five are 1,300 wide, with their axis
STRIP, GAP = 0.05, 0.02  # of the highest value: a strip for each revision below zero, and what is left above it


def spec() -> Spec:
    """The chart: means thick, seeds thin, the baseline's mean dotted in every panel, strips where signs are flipped."""
    explained = (
        "Thick: mean over seeds; thin: one seed; dotted: baseline. Strips below zero: epochs with flipped signs."
    )
    highest = {"joinaggregate": [{"op": "max", "field": "value", "as": "highest"}]}
    return chart(
        explained,
        transform=[*numbers(), *numbered_revisions(), highest],
        facet={"field": "variant", "type": "nominal", "sort": AS_GIVEN},
        columns=ACROSS,
        spec={"width": WIDTH, "height": HEIGHT, "layer": [strips(), seeds(), reference(), means()]},
    )


def numbers() -> list[Spec]:
    """Cells of a CSV file are text."""
    return [
        {"calculate": f"toNumber(datum['{X}'])", "as": "epoch"},
        {"calculate": f"toNumber(datum['{Y}'])", "as": "value"},
        {"calculate": "toNumber(datum.flipped)", "as": "flipped"},
    ]


def strips() -> Spec:
    """Below zero, around each epoch: opaque where all sites were flipped in all of it, pale where some were."""
    lane = f"-datum.highest * (datum.place * {STRIP + GAP} - {STRIP})"
    return {
        "transform": [
            {
                "aggregate": [
                    {"op": "mean", "field": "flipped", "as": "share"},
                    {"op": "min", "field": "place", "as": "place"},
                    {"op": "min", "field": "highest", "as": "highest"},
                ],
                "groupby": ["variant", "rev", "epoch"],
            },
            {"filter": "datum.share > 0"},
            {"calculate": "datum.epoch - 0.5", "as": "from"},
            {"calculate": "datum.epoch + 0.5", "as": "to"},
            {"calculate": lane, "as": "top"},
            {"calculate": f"datum.top - datum.highest * {STRIP}", "as": "bottom"},
        ],
        "mark": {"type": "rect", "tooltip": True},
        "encoding": {
            "x": {"field": "from", "type": "quantitative"},
            "x2": {"field": "to"},
            "y": {"field": "top", "type": "quantitative"},
            "y2": {"field": "bottom"},
            "color": by_variant(),
            "opacity": by_revision([1, 0.35, 0.8, 0.6], legend=False),
            "fillOpacity": {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1]}, "legend": None},
            "tooltip": [{"field": "rev"}, {"field": "epoch"}, {"field": "share", "format": ".2f", "title": "flipped"}],
        },
    }


def seeds() -> Spec:
    """A thin line for each run."""
    detail = [{"field": "seed", "type": "nominal"}, {"field": "rev", "type": "nominal"}]
    return {
        "mark": {"type": "line", "strokeWidth": 0.6, "opacity": 0.3},
        "encoding": {"x": epochs(), "y": values("value"), "color": by_variant(), "detail": detail},
    }


def reference() -> Spec:
    """The baseline's mean, which has data of its own, and so stands in every panel."""
    means = {"aggregate": [{"op": "mean", "field": "value", "as": "mean"}], "groupby": ["rev", "epoch"]}
    return {
        "data": {"name": "rows"},
        "transform": [{"filter": f"datum.variant === '{BASELINE}'"}, *numbers(), means],
        "mark": {"type": "line", "strokeWidth": 1, "strokeDash": [2, 2], "color": GREY},
        "encoding": {"x": epochs(), "y": values("mean"), "detail": {"field": "rev", "type": "nominal"}},
    }


def means() -> Spec:
    """A line for each revision: the newest thin, the one before wide and pale, any other dashed."""
    return {
        "transform": [
            {
                "aggregate": [
                    {"op": "mean", "field": "value", "as": "mean"},
                    {"op": "min", "field": "place", "as": "place"},
                ],
                "groupby": ["variant", "rev", "epoch"],
            }
        ],
        "mark": {"type": "line", "tooltip": True},
        "encoding": {
            "x": epochs(),
            "y": values("mean"),
            "color": by_variant(),
            "strokeWidth": by_revision([1.8, 6, 1.8, 1.8]),
            "opacity": by_revision([1, 0.35, 0.8, 0.6]),
            "strokeDash": by_revision([[1, 0], [1, 0], [6, 3], [2, 2]]),
            "tooltip": [{"field": "rev"}, {"field": "epoch"}, {"field": "mean", "format": ".4f", "title": Y_LABEL}],
        },
    }


def epochs() -> Spec:
    """Whole numbers, from the first epoch on."""
    ticks = {"expr": "sequence(1, domain('x')[1] + 0.1, ceil(domain('x')[1] / 8))"}
    axis = {"values": ticks, "format": "d", "title": X_LABEL}
    return {"field": "epoch", "type": "quantitative", "scale": {"zero": False, "nice": False}, "axis": axis}


def values(field: str) -> Spec:
    """From zero on, below which are the strips."""
    axis = {"title": Y_LABEL, "labelExpr": "datum.value < 0 ? '' : datum.label"}
    return {"field": field, "type": "quantitative", "axis": axis}
