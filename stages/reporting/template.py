"""DVC's chart template: `python -m stages.reporting.template` writes it anew after a change of `style.COLORS`.

It draws a table with the columns variant and seed: colour is the variant, dash the revision; thin lines are seeds,
thick ones their mean. DVC fills in what stands in angle brackets.
"""

import json
from pathlib import Path

from stages.files import write_text
from stages.reporting.style import COLORS

PATH = Path(".dvc/plots/variants.json")


def text() -> str:
    """The template: a Vega-Lite chart in JSON."""
    return json.dumps(_chart(), indent=1, ensure_ascii=False) + "\n"


def _chart() -> dict:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": "Colour is the variant, dash the revision; thin lines are seeds, thick ones their mean.",
        "data": {"values": "<DVC_METRIC_DATA>"},
        "title": {"text": "<DVC_METRIC_TITLE>", "anchor": "start"},
        "width": 480,
        "height": 320,
        "encoding": {"x": _x(), "color": _color(), "strokeDash": _dash()},
        "layer": [_seeds(), _means()],
    }


def _x() -> dict:
    scale = {"type": "quantitative", "title": "<DVC_METRIC_X_LABEL>", "axis": {"grid": False}}
    return {"field": "<DVC_METRIC_X>", **scale}


def _color() -> dict:
    return {
        "field": "variant",
        "type": "nominal",
        "scale": {"domain": list(COLORS), "range": list(COLORS.values())},
        "legend": {"symbolOpacity": 1, "symbolStrokeWidth": 2.2},
    }


def _dash() -> dict:
    symbols = {"symbolOpacity": 1, "symbolFillColor": "transparent", "symbolStrokeColor": "grey"}
    return {"field": "rev", "type": "nominal", "sort": [], "title": "revision", "legend": symbols}


def _seeds() -> dict:
    return {
        "mark": {"type": "line", "strokeWidth": 0.7},
        "encoding": {
            "y": {"field": "<DVC_METRIC_Y>", "type": "quantitative", "title": "<DVC_METRIC_Y_LABEL>"},
            "detail": {"field": "seed", "type": "nominal"},
            "opacity": {"condition": {"param": "shown", "value": 0.35}, "value": 0.03},
        },
    }


def _means() -> dict:
    return {
        "params": [{"name": "shown", "select": {"type": "point", "fields": ["variant"]}, "bind": "legend"}],
        "mark": {"type": "line", "strokeWidth": 2.2, "tooltip": True},
        "encoding": {
            "y": {"aggregate": "mean", "field": "<DVC_METRIC_Y>", "type": "quantitative"},
            "opacity": {"condition": {"param": "shown", "value": 1}, "value": 0.05},
        },
    }


if __name__ == "__main__":
    write_text(PATH, text())
