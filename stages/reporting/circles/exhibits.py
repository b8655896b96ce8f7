"""The circles study, drawn and said from what `study.read_study` read."""

import json
from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from stages.reporting.circles import differences, page, points, runs
from stages.reporting.circles.statistics import metrics
from stages.reporting.circles.study import Study


def tables(study: Study) -> Iterator[tuple[str, str]]:
    """Yield (file name, text): the means, every comparison, the falls, all in words, and means for `dvc metrics`."""
    yield "summary.csv", _csv(study.summary)
    yield "differences.csv", _csv(study.differences)
    yield "falls.csv", _csv(study.falls)
    yield "summary.md", page.write(study)
    yield "metrics.json", json.dumps(metrics(study.summary, study.best_accuracy), indent=1) + "\n"


def figures(study: Study) -> Iterator[tuple[str, Figure]]:
    """Yield (file name, figure) for each figure of the study."""
    settings = study.settings
    yield "circles-data.png", points.draw_points(study.points)
    yield "circles-run.png", runs.draw_run(study.run, study.summary)
    yield "circles-curves.png", runs.draw_curves(study.curves, settings.seeds)
    yield "circles-spread.png", runs.draw_spread(study.runs, study.summary, study.best_accuracy)
    yield "circles-differences.png", differences.draw(study.differences)
    yield "circles-decision.png", points.draw_decision(study.maps, study.points, settings.seeds)


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, float_format="%.4g", lineterminator="\n")
