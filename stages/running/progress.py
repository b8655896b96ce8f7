"""What a person sees of runs while they train: a bar for each with the time left, and DVCLive's curves (VS Code)."""

import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stages.interruptions import held_back
from stages.running.job import Job

CURVES = ("train_loss", "val_loss", "val_macro_f1", "flipped")
LIVE = Path("runs/live")


class Progress:
    """A bar over the epochs of each run on standard error, one below the other; in a log, a line for each epoch.

    The same curves go to runs/live/<run>/ while the run trains, where VS Code shows them.
    """

    def __init__(self, jobs: list[Job], places: int):
        self.terminal = sys.stderr.isatty()
        self.bars: dict[str, tqdm] = {}
        self.curves: dict[str, Any] = {}
        self.free = list(range(min(places, len(jobs))))  # lines of the terminal
        self.lines: dict[str, int] = {}

    def log(self, job: Job, line: str) -> None:
        """A line about a run."""
        tqdm.write(f"{job.title}: {line}", file=sys.stderr)

    def show(self, job: Job, row: dict) -> None:
        """An epoch of a run, given as its row of curves.csv."""
        self._seen(job, row)
        self._live(job, row)

    def _seen(self, job: Job, row: dict) -> None:
        loss, f1, flipped = row["train_loss"], row["val_macro_f1"], row["flipped"]
        scores = f"loss {loss:.3f}, validation macro F1 {f1:.3f}, flipped {flipped:.0%}"
        if not self.terminal:
            epochs = job.params.train.epochs
            print(f"{job.title}: epoch {row['epoch']}/{epochs}: {scores}", file=sys.stderr, flush=True)
            return
        bar = self._bar(job)
        bar.set_postfix_str(scores, refresh=False)
        bar.update(row["epoch"] - bar.n)

    def end(self, job: Job) -> None:
        """The run has ended: its line is another's."""
        if bar := self.bars.pop(job.name, None):
            bar.close()
            tqdm.write(str(bar), file=sys.stderr)  # the last state stays, above the bars of the others
            self.free.append(self.lines.pop(job.name))
        self.curves.pop(job.name, None)

    def _bar(self, job: Job) -> tqdm:
        if job.name not in self.bars:
            self.lines[job.name] = self.free.pop(0)
            total = job.params.train.epochs
            self.bars[job.name] = tqdm(
                total=total, desc=job.title, unit="epoch", position=self.lines[job.name], leave=False
            )
        return self.bars[job.name]

    def _live(self, job: Job, row: dict) -> None:
        if job.name not in self.curves:
            with held_back():
                from dvclive import Live  # 0.6 s, while the runs go on

            # dvcyaml and save_dvc_exp would have it rewrite the pipeline's dvc.yaml and make experiments of its own.
            folder = LIVE / job.folder.as_posix().removeprefix("runs/")
            self.curves[job.name] = Live(str(folder), dvcyaml=None, save_dvc_exp=False)
        live = self.curves[job.name]
        live.step = row["epoch"]
        for name in CURVES:
            live.log_metric(name, row[name])
        live.make_summary()
