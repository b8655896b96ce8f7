"""Stage plot: Table 1, the paper's figures and the data set's, drawn from reports/eval/, reports/circles/ and data/crops.

Writes below reports/:
table1.csv, table1.md    the paper's numbers beside ours, differences to the baseline with intervals over the seeds
curves.csv, confusion/<variant>.csv, metrics.json   for `dvc plots`, `dvc metrics` and `dvc exp show`
figures/                 Figures 1 to 11 of the paper, confusion matrices, F1 of each class, the circles study
data/                    contact sheet, class balance and counts of the data set
"""

import os
from pathlib import Path

from stages.crops.store import open_crops
from stages.params import read
from stages.reporting import (
    activation,
    circles,
    class_scores,
    data_set,
    process,
    records,
    style,
    table1,
    training_curves,
)
from stages.reporting.measures import by_seed
from stages.reporting.runs import BadInput, read_runs
from stages.results.statistics import summary

REPORTS = Path("reports")


def main():
    params = read()
    try:
        crops = open_crops("data/crops")
        runs = read_runs(REPORTS / "eval", style.VARIANTS, params.seeds, crops.summary["classes"])
        with style.applied():
            written = [
                write(REPORTS / folder / name, content) for folder, name, content in exhibits(params, runs, crops)
            ]
    except BadInput as error:
        raise SystemExit(f"plot: {error}") from None
    except OSError as error:
        raise SystemExit(f"plot: {error.filename}: {error.strerror}") from None
    scores = ", ".join(
        f"{variant} {summary(by_seed(of, 'test_macro_f1').values()).mean:.3f}" for variant, of in runs.items()
    )
    print(
        f"{crops.summary['title']}, seeds {params.seeds}, test macro F1: {scores}. {len(written)} files in {REPORTS}/"
    )


def exhibits(params, runs, crops):
    """Yield (folder below reports/, file name, Figure or text) of everything that this stage writes.

    A new family of figures or tables is one file in `stages/reporting` and one line here.
    """
    classes, dynamic = crops.summary["classes"], params.dynamic
    example = next(iter(runs[style.BASELINE].values()))
    families = (
        ("", table1.tables(runs, crops.summary, table1.read_paper())),
        ("", records.tables(runs)),
        ("figures", activation.figures(dynamic.constant)),
        ("figures", process.figures(example, dynamic.start, dynamic.constant)),
        ("figures", training_curves.figures(runs)),
        ("figures", class_scores.figures(runs, classes)),
        ("figures", circles.figures(REPORTS / "circles")),
        ("data", data_set.tables(crops)),
        ("data", data_set.figures(crops)),
    )
    for folder, family in families:
        for name, content in family:
            yield folder, name, content


def write(path, content):
    """Write text or draw a figure to path, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    if isinstance(content, str):
        unfinished.write_text(content, encoding="utf-8")
    else:
        style.save(content, unfinished)
    os.replace(unfinished, path)
    return path


if __name__ == "__main__":
    main()
