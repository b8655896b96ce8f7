"""Table 1 as points with intervals, from table1.csv: a panel for each measure, the revisions one below the other."""

from stages.reporting.charts.parts import (
    AS_GIVEN,
    NEWEST,
    Spec,
    X,
    Y,
    by_revision,
    by_variant,
    chart,
    numbered_revisions,
)
from stages.reporting.measures import LOSS, MEASURES, OVERFITTING, PAPERS, PRIMARY
from stages.results.statistics import LEVEL

SHOWN = (PRIMARY, PAPERS, LOSS, *OVERFITTING)
ACROSS, WIDTH, STEP = 5, 190, 14  # panels in a row, pixels of a panel, of a row of it


def spec() -> Spec:
    """The chart: means with their t intervals, each panel on its own scale."""
    titles = ", ".join(f"'{name}': '{MEASURES[name].title}'" for name in SHOWN)
    listed = ", ".join(f"'{name}'" for name in SHOWN)
    numbers = [{"calculate": f"toNumber(datum['{name}'])", "as": name} for name in (X, "low", "high", "n")]
    return chart(
        f"Mean and {LEVEL:.0%} t interval over n seeds; filled: the newest revision.",
        transform=[
            {"filter": f"indexof([{listed}], datum.measure) >= 0"},
            {"calculate": f"{{{titles}}}[datum.measure]", "as": "title"},
            *numbers,
            *numbered_revisions(),
        ],
        facet={"field": "title", "type": "nominal", "sort": [MEASURES[name].title for name in SHOWN]},
        columns=ACROSS,
        spec={"width": WIDTH, "height": {"step": STEP, "for": "offset"}, "layer": [bars(), points()]},
        resolve={"scale": {"x": "independent"}},
    )


def bars() -> Spec:
    """From one end of the interval to the other; of one seed there is none."""
    x = {"field": "low", "type": "quantitative", "scale": {"zero": False}, "axis": {"title": None, "tickCount": 4}}
    return {
        "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
        "mark": {"type": "rule", "strokeWidth": 1.5},
        "encoding": {"x": x, "x2": {"field": "high"}, "y": rows(), "yOffset": beside(), "color": by_variant()},
    }


def points() -> Spec:
    """Filled for the newest revision."""
    described = [{"field": name} for name in ("rev", "variant", "n")]
    described += [{"field": name, "format": ".4f"} for name in (X, "low", "high")]
    return {
        "mark": {"type": "point", "size": 45, "strokeWidth": 1.5, "opacity": 1},
        "encoding": {
            "x": {"field": X, "type": "quantitative", "scale": {"zero": False}},
            "y": rows(),
            "yOffset": beside(),
            "stroke": by_variant(),
            "fill": by_variant(),
            "fillOpacity": by_revision([1, 0, 0, 0]),
            "shape": by_revision(["circle", "square", "diamond", "triangle-up"]),
            "tooltip": described,
        },
    }


def rows() -> Spec:
    """The variants in the order of the table."""
    return {"field": Y, "type": "nominal", "sort": AS_GIVEN, "title": None}


def beside() -> Spec:
    """A line for each revision, the oldest above."""
    return {"field": "rev", "type": "nominal", "sort": NEWEST | {"order": "ascending"}}
