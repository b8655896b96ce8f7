"""The curves of the runs that train now, as tables for `dvc plots show` and VS Code: dvc.yaml declares their folders.

    reports/live/<curve>/<variant>.csv    variant, seed, epoch, the curve, flipped (which the chart shades)

Of a study it is studies-<name>-<variant>.csv. A row for each epoch so far. A run that is over has none: its curves are
in its own folder, and in reports/ when it has been measured. Git has the folders, with nothing in them, so that DVC
finds them in every clone and revision.
"""

import csv
import io
from contextlib import suppress
from pathlib import Path
from typing import Any

from stages.files import write_text
from stages.running.job import Job

CURVES = ("train_loss", "val_macro_f1")
LIVE = Path("reports/live")
Rows = list[dict[str, Any]]


class Live:
    """The tables of the runs of a stage, which lie in its folder `out`.

    What only shows a run must not end it: where a table cannot be written, there is none.
    """

    def __init__(self, out: Path):
        """Remove what killed stages have left. What others still train, they write whole with their next epoch."""
        self.name = "-".join(out.parts[1:] if out.parts[:1] == ("runs",) else out.parts[-1:])
        self.rows: dict[str, Rows] = {}  # of each run that trains, by its name
        for table in LIVE.glob("*/*.csv*"):
            with suppress(OSError):
                table.unlink()

    def show(self, job: Job, row: dict[str, Any]) -> None:
        """Another epoch of a run, given as its row of curves.csv."""
        within = job.name.partition("/")[2]  # "0", or "interval=3/0": a line of its own in the chart
        self.rows.setdefault(job.name, []).append({"variant": job.variant, "seed": within} | row)
        self._write()

    def end(self, job: Job) -> None:
        """The run is over."""
        if self.rows.pop(job.name, None):
            self._write()

    def close(self) -> None:
        """All runs are."""
        if self.rows:
            self.rows.clear()
            self._write()

    def _write(self) -> None:
        rows = [row for run in self.rows.values() for row in run]
        for curve in CURVES:
            table = LIVE / curve / f"{self.name}.csv"
            with suppress(OSError):
                write_text(table, _csv(curve, rows)) if rows else table.unlink()


def _csv(curve: str, rows: Rows) -> str:
    text = io.StringIO(newline="")
    table = csv.DictWriter(
        text, ["variant", "seed", "epoch", curve, "flipped"], extrasaction="ignore", lineterminator="\n"
    )
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
