"""The circles study, drawn and said from what `circles_study.read_study` read."""

import json
from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from stages.reporting import circles_differences, circles_figures, circles_page
from stages.reporting.circles_statistics import metrics
from stages.reporting.circles_study import Study


def tables(study: Study) -> Iterator[tuple[str, str]]:
    """Yield (file name, text): the means, every comparison, the falls, all in words, and means for `dvc metrics`."""
    yield "summary.csv", _csv(study.summary)
    yield "differences.csv", _csv(study.differences)
    yield "falls.csv", _csv(study.falls)
    yield "summary.md", circles_page.write(study)
    yield "metrics.json", json.dumps(metrics(study.summary, study.best_accuracy), indent=1) + "\n"


def figures(study: Study) -> Iterator[tuple[str, Figure]]:
    """Yield (file name, figure) for each figure of the study."""
    settings = study.settings
    yield "circles-data.png", circles_figures.draw_points(study.points)
    yield "circles-run.png", circles_figures.draw_run(study.run, study.summary)
    yield "circles-curves.png", circles_figures.draw_curves(study.curves, settings.seeds)
    yield "circles-spread.png", circles_figures.draw_spread(study.runs, study.summary, study.best_accuracy)
    yield "circles-differences.png", circles_differences.draw(study.differences)
    yield "circles-decision.png", circles_figures.draw_decision(study.maps, study.points, settings.seeds)


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, float_format="%.4g", lineterminator="\n")
