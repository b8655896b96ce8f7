"""What differs between revisions, as text, from a table of two columns: a name and its value.

Of one revision nothing differs, and nothing is drawn.
"""

from stages.reporting.charts.parts import AS_GIVEN, NEWEST, Spec, X, Y, chart, numbered_revisions

COLUMN, ROW = 200, 18  # pixels
PLAIN: Spec = {"title": None, "domain": False, "ticks": False}


def spec() -> Spec:
    """The chart: a row for each name that has not one value everywhere, a column for each revision."""
    return chart(
        "Only what is not the same in all revisions.",
        transform=[
            *numbered_revisions(),
            {
                "joinaggregate": [
                    {"op": "distinct", "field": Y, "as": "values"},
                    {"op": "distinct", "field": "rev", "as": "with"},
                ],
                "groupby": [X],
            },
            {"joinaggregate": [{"op": "distinct", "field": "rev", "as": "revisions"}]},
            {"filter": "datum.values > 1 || datum.with < datum.revisions"},
        ],
        width={"step": COLUMN},
        height={"step": ROW},
        mark={"type": "text", "fontSize": 12},
        encoding={
            "x": {
                "field": "rev",
                "type": "nominal",
                "sort": NEWEST | {"order": "ascending"},
                "axis": {"orient": "top", "labelAngle": 0, "labelFontWeight": "bold"} | PLAIN,
            },
            "y": {"field": X, "type": "nominal", "sort": AS_GIVEN, "axis": {"labelLimit": 400} | PLAIN},
            "text": {"field": Y, "type": "nominal"},
        },
    )
