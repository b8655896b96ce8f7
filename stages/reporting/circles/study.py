"""What the stage `circles` left in reports/circles/, read and checked, and the statistics of it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from stages.reporting.circles.names import SCORES, VARIANTS
from stages.reporting.circles.statistics import differences, falls, summary
from stages.results.cells import INTEGER, NUMBER, OPTIONAL_NUMBER, TEXT, read_table
from stages.results.inputs import BadInput, read_arrays, read_json

FOLDER, TUTORIAL, CLAIMS = Path("reports/circles"), Path("data/paper/circles.csv"), Path("reports/claims.csv")
OVER = ("seeds", "draws")
KINDS = dict.fromkeys(("split", "over", "variant"), TEXT) | dict.fromkeys(
    ("label", "epoch", "seed", "random_state", "peak_accuracy_epoch", "peak_loss_epoch"), INTEGER
)
COLUMNS = {
    "data": {"x", "y", "label", "split"},
    "run": {"epoch", *(f"{variant}_{split}" for variant in VARIANTS for split in ("train", "test"))},
    "curves": {
        *("variant", "epoch"),
        *(f"{split}_{what}" for split in ("train", "test") for what in ("mean", "low", "high")),
    },
    "runs": {"over", "variant", "seed", "random_state", "peak_accuracy_epoch", "peak_loss_epoch", *SCORES},
}
# What is read of the ledger (reports/claims.csv), and of which rows it speaks: {rows: the kind of repetition}.
CLAIM = (
    dict.fromkeys(("id", "words", "kind", "rows", "ours", "against", "measure", "scale", "verdict"), TEXT)
    | dict.fromkeys(("effect", "low", "high"), OPTIONAL_NUMBER)
    | {"n": INTEGER}
)
ROWS = {f"circles-{over}": over for over in OVER}
MAPS = {"axis", "variants", "run", "mean"}


@dataclass(frozen=True)
class Settings:
    """The parameters that the study ran with, as far as words tell of them; params.yaml says what they mean."""

    samples: int
    train: int
    hidden: int
    epochs: int
    input_stddev: float
    hidden_stddev: float
    seeds: int
    draws: int
    test_points: int


@dataclass(frozen=True)
class Study:
    """The tables and arrays of reports/circles/, whose columns and shapes `stages.circles` describes.

    maps: the arrays of decision.npz. tutorial: variant, train_accuracy, test_accuracy that the tutorial printed.
    claims: the ledger's rows about this study, the columns of `CLAIM`.
    """

    points: pd.DataFrame
    run: pd.DataFrame
    curves: pd.DataFrame
    runs: pd.DataFrame
    maps: Mapping[str, np.ndarray]
    settings: Settings
    best_accuracy: float
    tutorial: pd.DataFrame
    claims: pd.DataFrame

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Means and spread of every variant, see `circles_statistics.summary`."""
        return summary(self.runs, self.tutorial)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Every comparison, see `circles_statistics.differences`."""
        return differences(self.runs)

    @cached_property
    def falls(self) -> pd.DataFrame:
        """How far every variant's models fell from their peak, see `circles_statistics.falls`."""
        return falls(self.runs)


def read_study(folder: str | Path = FOLDER, tutorial: str | Path = TUTORIAL, claims: str | Path = CLAIMS) -> Study:
    """The study in a folder, beside the numbers of a tutorial and the ledger's verdicts.

    Raises BadInput at the first file that is missing, damaged, or of other variants than `VARIANTS`.
    """
    folder = Path(folder)
    tables = {name: _table(folder / f"{name}.csv", columns) for name, columns in COLUMNS.items()}
    for name in ("curves", "runs"):
        _know(folder / f"{name}.csv", tables[name].variant)
    _check_repetitions(folder / "runs.csv", tables["runs"])
    settings, best = _about(folder / "study.json")
    maps = _maps(folder / "decision.npz")
    _know(folder / "decision.npz", maps["variants"])
    printed = _table(Path(tutorial), {"variant", "train_accuracy", "test_accuracy"}, "it is part of the repository")
    if printed["variant"].duplicated().any():
        raise BadInput(f"{tutorial}: two rows of one variant; it is part of the repository")
    points, run, curves, runs = (tables[name] for name in COLUMNS)
    ledger = read_table(claims, CLAIM, may_be_empty=True, again="the stage claims writes it")
    return Study(points, run, curves, runs, maps, settings, best, printed, ledger[ledger["rows"].isin(list(ROWS))])


def _know(path, variants):
    if set(variants) != set(VARIANTS):
        found, known = (", ".join(sorted(map(str, set(names)))) for names in (variants, VARIANTS))
        raise BadInput(f"{path}: variants {found}; the report knows {known}")


def _check_repetitions(path, runs):
    """Differences are paired: of one seed, every variant; and at least two seeds, over seeds and over draws."""
    counts = runs.groupby(["over", "seed"]).variant.agg(["size", "nunique"])
    of_each_kind = counts.groupby("over").size().reindex(OVER, fill_value=0)
    if (counts != len(VARIANTS)).any(axis=None) or of_each_kind.min() < 2 or set(runs.over) != set(OVER):
        raise BadInput(
            f"{path}: expected every variant once for each seed, over seeds and over draws, two seeds or more; "
            "`dvc repro circles` writes it anew"
        )


def _table(path, columns, again="`dvc repro circles` writes it"):
    return read_table(path, {name: KINDS.get(name, NUMBER) for name in sorted(columns)}, again=again)


def _about(path):
    """The settings, and the best possible accuracy."""
    try:
        about = read_json(path)
        settings = Settings(**{field.name: about["settings"][field.name] for field in fields(Settings)})
        best = about["best_accuracy"]
        wrong = [value for value in (*vars(settings).values(), best) if type(value) not in (int, float)]
    except (KeyError, TypeError) as error:
        raise BadInput(f"{path}: {error} is missing; `dvc repro circles` writes it anew") from None
    if wrong:
        raise BadInput(f"{path}: {wrong[0]!r} is no number; `dvc repro circles` writes it anew")
    return settings, best


def _maps(path):
    return read_arrays(path, sorted(MAPS), "`dvc repro circles` writes it")
