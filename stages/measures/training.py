"""What the curves of a run say of its end."""

from collections.abc import Iterator

import pandas as pd


def measures(curves: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """Yield (name, value): the mean cross-entropy per image of the training passes of the last epoch."""
    yield "loss", float(curves["train_loss"].iloc[-1])
