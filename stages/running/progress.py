"""What a person sees of a run while it trains: a bar with the time left, and DVCLive's curves (VS Code, `dvc plots`)."""

import sys
from pathlib import Path

from dvclive import Live
from tqdm import tqdm

CURVES = ("train_loss", "val_loss", "val_macro_f1", "flipped")


class Watch:
    """A bar over the epochs on standard error, and a DVCLive folder; both stay silent where `folder` is None (not the first process)."""

    def __init__(self, title: str, epochs: int, folder: Path | None):
        self.silent, self.title, self.epochs = folder is None, title, epochs
        # In a log file a bar would be one endless line: there, every epoch gets a line of its own.
        self.bar = tqdm(total=epochs, desc=title, unit="epoch", disable=self.silent or not sys.stderr.isatty())
        # dvcyaml and save_dvc_exp would have it rewrite the pipeline's own dvc.yaml and make experiments of its own.
        self.live = None if self.silent else Live(str(folder), dvcyaml=None, save_dvc_exp=False)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.bar.close()

    def show(self, row: dict):
        """Show an epoch, given as its row of curves.csv."""
        if self.silent:
            return
        self.live.step = row["epoch"]
        for name in CURVES:
            self.live.log_metric(name, row[name])
        self.live.make_summary()
        scores = (
            f"loss {row['train_loss']:.3f}, validation macro F1 {row['val_macro_f1']:.3f}, flipped {row['flipped']:.0%}"
        )
        if self.bar.disable:
            print(f"{self.title}: epoch {row['epoch']}/{self.epochs}: {scores}", file=sys.stderr, flush=True)
        else:
            self.bar.set_postfix_str(scores, refresh=False)
            self.bar.update(row["epoch"] - self.bar.n)
