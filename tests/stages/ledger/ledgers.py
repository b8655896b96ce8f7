"""A repository with made-up results, and entries that are decided on them."""

import numpy as np
import pandas as pd

from stages.ledger.entries import read_entries
from stages.ledger.lines import lines
from stages.results import tables
from tests.stages.results.simulated import results_of, simulate_run

PLAIN = {
    "source": "ours",
    "where": "here",
    "words": "flips help",
    "kind": "superiority",
    "rows": ["reports"],
    "ours": "periodic",
    "against": "baseline",
    "measure": "best val macro_f1",
    "direction": "more",
    "margin": 0.02,
}
SEEDS = range(6)
NOISE = np.array([-0.012, -0.004, 0.0, 0.003, 0.005, 0.008])  # of six seeds, around 0
BASE = [("baseline", {}, 0.4 + 0 * NOISE)]
GROUPS = [
    ("baseline", {}, 0.4 + 0 * NOISE),
    ("periodic", {"interval": "2"}, 0.3 + NOISE),
    ("periodic", {"interval": "5"}, 0.45 + NOISE),
    ("periodic", {"interval": "20"}, 0.4 + 0 * NOISE),
]


def entry(**fields):
    """A plain entry with other fields; None takes one away."""
    return {name: value for name, value in (PLAIN | fields).items() if value is not None}


def read(path, **entries):
    """The entries of a file with these."""
    path = path / "claims.yaml"
    path.write_text("\n".join(f"{name}: {_yaml(fields)}" for name, fields in entries.items()))
    return read_entries(path, path.parent)


def _yaml(fields):
    return "{" + ", ".join(f"{name}: {_value(value)}" for name, value in fields.items()) + "}"


def _value(value):
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def results(groups, seeds=SEEDS, measure="best val macro_f1", **options):
    """Results of one run for each seed of each group: (variant, values of what is varied, values of the measure)."""
    varied = tuple(dict.fromkeys(name for _, settings, _ in groups for name in settings))
    runs, wanted = [], {}
    for variant, settings, values in groups:
        for seed, value in zip(seeds, values):
            run = simulate_run(variant, seed, epochs=8, steps_per_epoch=11, values=settings, **options)
            for name in ("runs", "measures", "curves", "events", "turns"):  # empty where a variant does not read it
                run[name] = [dict.fromkeys(varied, "") | row for row in run[name]]
            runs.append(run)
            wanted[run["runs"][0]["run"]] = value
    made = results_of(runs, varied)
    set_values(made, measure, wanted)
    return made


def set_values(made, measure, wanted):
    """Give some runs another value of a measure."""
    weights, split, name = measure.split(" ")
    rows = made.measures
    chosen = (rows["weights"] == weights) & (rows["split"] == split) & (rows["measure"] == name)
    chosen &= rows["run"].isin(wanted)
    rows.loc[chosen, "value"] = rows.loc[chosen, "run"].map(wanted)


def decided(path, entries, **studies):
    """The ledger's lines by entry and rows, of results below a folder; `main` are those of the default run."""
    for name, made in studies.items():
        folder = path / ("reports" if name == "main" else f"reports/studies/{name}")
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(made, pd.DataFrame):
            made.to_csv(folder / "runs.csv", index=False)
        else:
            tables.write(folder, made)
        (path / "studies" / name).mkdir(parents=True, exist_ok=True)
        (path / "studies" / name / "dvc.yaml").touch()
    table = lines(read(path, **entries), path)
    return table.set_index(["id", "rows"])


def with_effect(effect, **options):
    return results([*BASE, ("periodic", {}, 0.4 + effect + NOISE)], **options)


def circles(effect):
    rows = [
        (over, variant, seed, 1, 0.75 + NOISE[seed] * (variant == "input") + effect * (variant == "input"))
        for over in ("seeds", "draws") for variant in ("baseline", "input") for seed in SEEDS
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["over", "variant", "seed", "random_state", "test_accuracy"])
    return table.assign(peak_accuracy=table["test_accuracy"] + 0.05 + table["test_accuracy"] * 0.1, loss=0.0)


def write_circles(path, table):
    (path / "reports/circles").mkdir(parents=True, exist_ok=True)
    table.to_csv(path / "reports/circles/runs.csv", index=False)
