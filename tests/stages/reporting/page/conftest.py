import json
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest

from stages.files import write_text
from stages.ledger.lines import COLUMNS
from stages.reporting import class_scores, data_set, study, style, table1, training_curves
from stages.reporting.circles import exhibits as circles
from stages.reporting.circles.study import read_study
from stages.reporting.page import build
from stages.reporting.runs import runs_of
from stages.results import tables
from tests.stages.reporting import pixels
from tests.stages.reporting.page.reading import read
from tests.stages.reporting.simulated_circles import write_study
from tests.stages.reporting.test_robustness import spoiled
from tests.stages.results.simulated import results_of, simulate_run

ROOT = Path(__file__).parents[4]
EVIL = "</script><script>alert(1)</script>"
CLASSES = ["calm", EVIL, "a|b", '"q" & <i>']
VARIANTS = ["baseline", "periodic", "mirror"]  # the last of the user's own


def simulated(seeds=(0, 1)):
    runs = [
        simulate_run(variant, seed, epochs=6, classes=CLASSES, title=EVIL, warnings=json.dumps([f"mind {EVIL}"]))
        for variant in VARIANTS
        for seed in seeds
    ]
    return results_of(runs)


def claims():
    """Two sentences of a ledger, on the default run and on a study that has not been run."""
    line = dict.fromkeys(COLUMNS, "") | {"source": "ours", "kind": "superiority", "family": "primary", "margin": 0.02}
    line |= {"ours": "mirror", "against": "baseline", "measure": "last test macro_f1", "scale": "difference"}
    decided = {"effect": -0.03, "low": -0.04, "high": -0.02, "p": 0.001, "p_holm": 0.002, "n": 6}
    return pd.DataFrame(
        [
            line | decided | {"id": "M1", "words": f"{EVIL} helps", "rows": "reports", "verdict": "contradicted"},
            line | {"id": "M1", "words": f"{EVIL} helps", "rows": "mine", "verdict": "not run", "n": 0},
        ]
    )


@pytest.fixture(scope="session")
def own(tmp_path_factory, committed):
    """The page of a user's own variant and classes, with some of its figures; two studies, no controls, no picture.

    Vega is taken from the committed page: it is the same, and takes two seconds to be bundled.
    """
    vega = max(("".join(script.children) for script in committed.all("script")), key=len)
    root, results = tmp_path_factory.mktemp("page"), simulated()
    write_study(root / "reports/circles")
    claims().to_csv(root / "reports/claims.csv", index=False)
    made = [simulate_run("periodic", seed, 4, values={"interval": value}) for value in (2, 5) for seed in (0, 1)]
    of_intervals = results_of([simulate_run("baseline", seed, 4) for seed in (0, 1)] + made, varied=("interval",))
    for name, found in (("interval", of_intervals), ("robustness", spoiled(seeds=(0, 1))[0])):
        tables.write(root / "reports/studies" / name, found)
        page = study.page(name, tables.read(root / "reports/studies" / name))
        write_text(root / "reports/studies" / name / "table.md", page)
    runs, data = runs_of(results), pixels.summary() | {"classes": CLASSES, "title": EVIL}
    data["counts"] = {split: dict.fromkeys(CLASSES, 12) for split in data["counts"]}
    with chdir(root), style.applied(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "_vega", lambda: vega)
        of_circles = read_study(tutorial=ROOT / "data/paper/circles.csv")
        drawn = [*data_set.figures(data), *class_scores.figures(runs), *training_curves.figures(runs)]
        drawn += [figure for figure in circles.figures(of_circles) if figure[0] == "circles-decision.png"]
        drawn.append(("gap.png", style.figure()))  # of a family of the user's own
        exhibits = dict(table1.tables(runs, table1.read_paper(ROOT / "data/paper/table1.csv")))
        exhibits |= dict(data_set.tables(data))
        exhibits |= {f"circles-summary/{name}": text for name, text in circles.tables(of_circles)}
        exhibits |= {f"figures/{name}": figure for name, figure in drawn}
        write_text(root / "index.html", build.html(exhibits, results, runs, EVIL))
    return root / "index.html"


@pytest.fixture(scope="session")
def committed():
    """The committed page, read."""
    return read(ROOT / "reports/index.html")


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def results(root):
    """The committed results."""
    return tables.read(root / "reports")
