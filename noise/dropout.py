"""Dropout inside of residual blocks, the regulariser that the paper compares with (section 4.4)."""

from collections.abc import Iterable

from torch import nn

from noise.attaching import attach


def attach_dropout(
    model: nn.Module, p: float, sites: str | Iterable[str] = "first", *, channelwise: bool = False
) -> list[str]:
    """Attaches dropout at each of the `sites` (`noise.find_sites`) and returns their names.

    The default is after the first ReLU of each block. It is attached right before that ReLU, which is the same: both
    zeroing and scaling up by 1 / (1 - p) commute with ReLU (not so with ReLU6 or Hardswish, which are not homogeneous).

    Args:
        p: probability that an element is zeroed while training, 0 <= p < 1.
        channelwise: zeroes whole channels of an image (`nn.Dropout2d`) in place of single elements (`nn.Dropout`).

    Raises ValueError unless 0 <= p < 1, and as `find_sites` does.
    """
    if not 0 <= p < 1:
        raise ValueError(f"p must lie in 0 <= p < 1, got {p}")
    layer = nn.Dropout2d if channelwise else nn.Dropout
    return attach(model, lambda site: layer(p), sites)
