"""What DVC's charts have in common: anchors, sizes, and how one revision is told from another.

DVC fills in what stands in angle brackets. Every row that it gives has a column `rev`; cells of a CSV file are text.
"""

from typing import Any

from stages.reporting.style import COLORS, GREY

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
DATA, TITLE = "<DVC_METRIC_DATA>", "<DVC_METRIC_TITLE>"
X, X_LABEL, Y, Y_LABEL = "<DVC_METRIC_X>", "<DVC_METRIC_X_LABEL>", "<DVC_METRIC_Y>", "<DVC_METRIC_Y_LABEL>"
WORKSPACE = "workspace"  # DVC's name for it, and it comes first, whatever it is compared with
AS_GIVEN: Spec = {"field": "row", "op": "min"}
NEWEST: Spec = {"field": "place", "op": "min", "order": "descending"}
CONFIG: Spec = {
    "view": {"stroke": None},
    "axis": {"grid": False, "domainColor": GREY, "tickColor": GREY, "titleFontWeight": "normal"},
    "header": {"title": None, "labelFontWeight": "bold", "labelFontSize": 12},
    "legend": {"orient": "top", "titleOrient": "left", "titleFontWeight": "normal", "symbolStrokeColor": GREY},
}


def chart(explained: str, **rest: Any) -> Spec:
    """A chart of the data, with its title; the explanation stands under the title."""
    title = {"text": TITLE, "subtitle": explained, "anchor": "start", "subtitleColor": GREY}
    data = {"name": "rows", "values": DATA}
    return {"$schema": SCHEMA, "description": explained, "data": data, "title": title, "config": CONFIG} | rest


def numbered_revisions() -> list[Spec]:
    """Transforms that number the revisions from 1 in the order given, the workspace last, as `place`; rows as `row`."""
    return [
        {"window": [{"op": "row_number", "as": "row"}]},
        {"calculate": f"datum.rev === '{WORKSPACE}' ? 1e9 : datum.row", "as": "first"},
        {"joinaggregate": [{"op": "min", "field": "first", "as": "first"}], "groupby": ["rev"]},
        {"window": [{"op": "dense_rank", "as": "place"}], "sort": [{"field": "first"}]},
    ]


def by_variant(legend: bool = False) -> Spec:
    """Colour of the variant, as in every figure."""
    scale = {"domain": list(COLORS), "range": list(COLORS.values())}
    return {"field": "variant", "type": "nominal", "scale": scale} | ({} if legend else {"legend": None})


def by_revision(values: list[Any], legend: bool = True) -> Spec:
    """One of the values for each revision, the newest first."""
    scale = {"type": "ordinal", "range": values}
    encoded: Spec = {"field": "rev", "type": "nominal", "title": "revision", "sort": NEWEST, "scale": scale}
    return encoded if legend else encoded | {"legend": None}
