"""An optimiser like a given one, for a parameter of one's own: what its class takes, nobody knows but the class."""

import inspect
from typing import Any

from torch import Tensor
from torch.optim import Optimizer


def alone(optimizer: Optimizer, group: dict[str, Any], parameter: Tensor) -> Optimizer:
    """A new optimiser of the same class with the numbers of the `group`, for the one `parameter`, on the CPU.

    Raises ValueError where its class cannot be made of these (a wrapper of another optimiser, for example).
    """

    def plain(name: str, value: Any) -> Any:
        if name in ("foreach", "fused", "capturable", "differentiable"):
            return False
        return value.item() if isinstance(value, Tensor) else value

    known = inspect.signature(type(optimizer)).parameters
    numbers = {name: plain(name, value) for name, value in optimizer.defaults.items() if name in known}
    own = {name: plain(name, value) for name, value in group.items() if name not in ("params", "param_names")}
    try:
        return type(optimizer)([own | {"params": [parameter]}], **numbers)
    except Exception as error:  # of anybody's class
        raise ValueError(f"{type(optimizer).__name__} cannot be made for a single weight: {error}") from error
