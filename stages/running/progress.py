"""What a person sees of runs while they train: a bar for each with the time left, and their curves (`Live`)."""

import sys
import time

from tqdm import tqdm

from stages.running.job import Job
from stages.running.live import Live

BAR = "{desc} {bar} {n_fmt}/{total_fmt}, {remaining} left{postfix}"  # in 80 columns, of the variants that there are
LOG_SECONDS = 10.0  # between two lines about a run in a log, but for its first and last epoch


class Progress:
    """A bar over the epochs of each run on standard error, one below the other; in a log, a line now and then.

    The jobs are those of a stage. Close it at the end, whichever that is.
    """

    def __init__(self, jobs: list[Job], places: int):
        self.terminal = sys.stderr.isatty()
        self.bars: dict[str, tqdm] = {}
        self.logged: dict[str, float] = {}  # when there was a line about a run
        self.live = Live(jobs[0].out)
        self.free = list(range(min(places, len(jobs))))  # lines of the terminal
        self.lines: dict[str, int] = {}

    def log(self, job: Job, line: str) -> None:
        """A line about a run."""
        tqdm.write(f"{job.title}: {line}", file=sys.stderr)

    def show(self, job: Job, row: dict) -> None:
        """An epoch of a run, given as its row of curves.csv."""
        self._seen(job, row)
        self.live.show(job, row)

    def _seen(self, job: Job, row: dict) -> None:
        if not self.terminal:
            self._log(job, row)
            return
        bar = self._bar(job)
        bar.set_postfix_str(_in_short(row), refresh=False)
        bar.update(row["epoch"] - bar.n)

    def _log(self, job: Job, row: dict) -> None:
        epoch, epochs, now = row["epoch"], job.params.train.epochs, time.monotonic()
        if epoch == epochs or now - self.logged.get(job.name, -LOG_SECONDS) >= LOG_SECONDS:
            print(f"{job.title}: epoch {epoch}/{epochs}: {_in_short(row)}", file=sys.stderr, flush=True)
            self.logged[job.name] = now

    def end(self, job: Job) -> None:
        """The run has ended: its line is another's."""
        if bar := self.bars.pop(job.name, None):
            bar.close()
            # The last state stays, above the bars of the others.
            took = tqdm.format_interval(bar.format_dict["elapsed"])
            tqdm.write(f"{job.name}: {bar.n} epochs, {took}, {bar.postfix}", file=sys.stderr)
            self.free.append(self.lines.pop(job.name))
        self.live.end(job)

    def close(self) -> None:
        """Whatever still trained has been stopped."""
        for bar in self.bars.values():
            bar.close()
        self.live.close()

    def _bar(self, job: Job) -> tqdm:
        if job.name not in self.bars:
            self.lines[job.name] = self.free.pop(0)
            total = job.params.train.epochs
            self.bars[job.name] = tqdm(
                desc=job.name, total=total, position=self.lines[job.name], leave=False, bar_format=BAR, mininterval=0
            )
        return self.bars[job.name]


def _in_short(row: dict) -> str:
    flipped = f", flipped {row['flipped']:.0%}" if row["flipped"] else ""
    return f"loss {row['train_loss']:.3f}, val F1 {row['val_macro_f1']:.3f}{flipped}"
