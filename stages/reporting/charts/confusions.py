"""Confusion matrices in class order, from a table variant, actual, predicted, images with a row for each cell.

A row of the matrix is an actual class; a cell, and its number, the percentage of it that was predicted so.
"""

from stages.reporting.charts.parts import (
    AS_GIVEN,
    GREY,
    NEWEST,
    X_LABEL,
    Y_LABEL,
    Spec,
    X,
    Y,
    chart,
    numbered_revisions,
)
from stages.reporting.style import SHADES

SIDE = 200  # pixels of a matrix
NUMBERED = 12  # classes, up to which a cell has room for its number


def spec() -> Spec:
    """The chart: a column for each variant, a row for each revision."""
    return chart(
        "Of each actual class (row), the percentage predicted as each class, over all seeds.",
        transform=[
            *numbered_revisions(),
            {"calculate": "toNumber(datum.images)", "as": "images"},
            {"joinaggregate": [{"op": "sum", "field": "images", "as": "all"}], "groupby": ["rev", "variant", Y]},
            {"calculate": "datum.all > 0 ? 100 * datum.images / datum.all : 0", "as": "percent"},
            {"joinaggregate": [{"op": "distinct", "field": Y, "as": "classes"}]},
        ],
        facet={
            "column": {"field": "variant", "type": "nominal", "sort": AS_GIVEN},
            "row": {"field": "rev", "type": "nominal", "sort": NEWEST | {"order": "ascending"}},
        },
        spec={"width": SIDE, "height": SIDE, "layer": [cells(), numbers()]},
    )


def cells() -> Spec:
    """Coloured by the percentage."""
    described = [{"field": name} for name in ("rev", "variant", Y, X, "images")]
    scale = {"domain": [0, 100], "range": list(SHADES), "interpolate": "rgb"}
    color = {"field": "percent", "type": "quantitative", "scale": scale, "legend": None}
    return {
        "mark": {"type": "rect", "stroke": GREY, "strokeWidth": 0.2},
        "encoding": places() | {"color": color, "tooltip": [*described, {"field": "percent", "format": ".1f"}]},
    }


def numbers() -> Spec:
    """The percentage, white on dark cells."""
    color = {"condition": {"test": "datum.percent > 50", "value": "white"}, "value": "black"}
    text = {"field": "percent", "type": "quantitative", "format": ".0f"}
    return {
        "transform": [{"filter": f"datum.classes <= {NUMBERED}"}],
        "mark": {"type": "text", "fontSize": 10},
        "encoding": places() | {"text": text, "color": color},
    }


def places() -> Spec:
    """Both axes in the order of the classes."""
    return {
        axis: {"field": field, "type": "nominal", "sort": AS_GIVEN, "axis": {"title": label, "labelLimit": 90}}
        for axis, field, label in (("x", X, X_LABEL), ("y", Y, Y_LABEL))
    }
