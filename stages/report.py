"""Stage report: Table 1, the figures and the pages, drawn from committed tables alone.

Reads reports/*.csv, predictions.npz, pictures/data.json and circles/, and data/paper/. Writes below reports/:
table1.csv, table1.md                  the paper's numbers beside ours, differences to the baseline with intervals
confusion.csv, metrics.json            for `dvc plots`, `dvc metrics` and `dvc exp show`
parameters.csv, figures.csv            what `dvc plots diff` compares: parameters, and hashes of the figures
figures/                               Figures 3 to 11 of the paper, confusions, F1 of each class, the circles study
data.md                                how many images of each class there are, and what was left out
circles-summary/                       the tutorial's study in words, its means and its comparisons
index.html                             all of it, the verdicts and the published studies, as one page
"""

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

from matplotlib.figure import Figure
from tqdm import tqdm

from stages.files import write_text
from stages.reporting import (
    class_scores,
    data_set,
    exhibits,
    records,
    style,
    table1,
    training_curves,
)
from stages.reporting.circles import exhibits as circles
from stages.reporting.circles.study import Study, read_study
from stages.reporting.measures import PRIMARY, by_seed
from stages.reporting.page import build
from stages.reporting.runs import Runs, runs_of
from stages.results import tables
from stages.results.inputs import read_json
from stages.results.statistics import summary

REPORTS = Path("reports")


def main() -> None:
    results = tables.read(REPORTS)
    runs = runs_of(results)
    data = read_json(REPORTS / "pictures/data.json")
    with style.applied():
        made = dict(report(runs, data, read_study()))
        progress = tqdm(made.items(), "report", unit=" files", disable=None, leave=False)
        written = exhibits.write(REPORTS, progress, svg=REPORTS / "svg")
        # Of the figures as they have just been written.
        written += exhibits.write(REPORTS, records.of_files(REPORTS, Path("params.yaml")), svg=REPORTS / "svg")
        page = REPORTS / "index.html"
        write_text(page, build.html(made, results, runs, data["title"]))
    means = {variant: summary(by_seed(seeds, PRIMARY).values()).mean for variant, seeds in runs.items()}
    scores = ", ".join(f"{variant} {mean:.3f}" for variant, mean in means.items())
    print(fill(f"{data['title']}, test macro F1 in the last epoch: {scores}. {len(written)} files in {REPORTS}/", 80))
    print(f"To be read: {page}, which any browser opens")


def report(runs: Runs, data: dict, study: Study) -> Iterator[tuple[str, str | Figure]]:
    """Yield (file name below reports/, text or figure) of everything that this stage writes.

    A new family of figures or tables is one file in `stages/reporting` and one line here.
    """
    families = (
        ("", table1.tables(runs, table1.read_paper())),
        ("", records.tables(runs)),
        ("", data_set.tables(data)),
        ("figures/", data_set.figures(data)),
        ("figures/", training_curves.figures(runs)),
        ("figures/", class_scores.figures(runs)),
        ("figures/", circles.figures(study)),
        ("circles-summary/", circles.tables(study)),
    )
    for folder, family in families:
        for name, content in family:
            yield folder + name, content


if __name__ == "__main__":
    main()
