"""What a finished run leaves behind in runs/<variant>-<seed>/; the files are described in `stages.train`."""

import json
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from stages.training.checkpoint import write_atomically


def write(out: Path, progress, signs, record: dict):
    """Write a run's files, each whole or not at all, record.json last: where it stands, the run is whole."""
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "best.pt", partial(torch.save, progress.best))
    curves = pd.DataFrame(progress.curves)
    rows = pd.DataFrame(signs.rows, columns=["site", "step", "epoch", "sign"])
    write_atomically(out / "curves.csv", partial(curves.to_csv, index=False, float_format="%.9g"))
    write_atomically(out / "signs.csv", partial(rows.to_csv, index=False))
    write_atomically(out / "record.json", lambda file: file.write(json.dumps(record, indent=1).encode() + b"\n"))


def is_of(out: Path, configuration: str) -> bool:
    """Whether the folder holds the whole result of the configuration with this hash."""
    record = out / "record.json"
    return record.exists() and json.loads(record.read_text())["configuration"] == configuration
