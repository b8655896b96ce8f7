"""What a scheduled method is: a module that is told the step, and whose behaviour is a closed-form function of it."""

from torch import Tensor, nn


def set_step(model: nn.Module, step: int | Tensor) -> None:
    """Tells every module of `model` that has a `set_step` the step, counted from 1; other modules stay as they are.

    The module's own methods, and a user's, are reached alike. Call it before the step's forward pass, outside of
    compiled code. Raises what the modules' own `set_step` raises (`SignFlip`: ValueError for an int below 1).
    """
    for module in model.modules():
        if callable(told := getattr(module, "set_step", None)):
            told(step)
