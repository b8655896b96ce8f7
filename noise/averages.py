"""State that other tools average: what is in force in an average is what is in force in the network.

A running average (EMA, SWA: torch's `AveragedModel`, torchvision's and timm's, one written by hand) makes of a flag
that turns a fraction, which says nothing about the sign now and sticks for thousands of updates. The tools cannot be
changed, nor told from one another; all they have in common is that the average starts as a `copy.deepcopy` of the
network, and that their arithmetic leaves in it what no network holds. So a copy remembers what it was copied from, and
asks it where its own value is the trace of an average. A copy that nobody averages (`best = copy.deepcopy(model)`)
keeps the value that it was made with. An average that is no copy, but a network built anew, is to be told the step.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Origin:
    """What a copy was copied from, and the value that it was given."""

    module: "Averaged"
    given: Tensor


class Averaged(nn.Module):
    """A module whose buffer or parameter `averaged` decides what is in force: read it through `current()`.

    `state_dict()`, a copy and a pickle hold the value in force, never the trace of an average; a pickle forgets the
    origin. A buffer keeps its dtype in a network that is cast: in bfloat16 .9999 is 1, and an average would not move.
    A module that was not copied, or is trained on its own (`claim`), has no origin and costs nothing.
    """

    __jit_ignored_attributes__: ClassVar[tuple[str, ...]] = ("_origin",)  # TorchScript would compile its class
    averaged: ClassVar[str]
    _origin: Origin | None = None

    def current(self) -> Tensor:
        """The value in force, on the device and in the dtype of this module's own; nothing waits for the device."""
        own = getattr(self, self.averaged)
        if self._origin is None:
            return own
        given, theirs = self._origin.given, self._origin.module.current().detach()
        if theirs.is_meta or given.is_meta:
            return own
        theirs, given = theirs.to(own.device, own.dtype), given.to(own.device, own.dtype)
        return torch.where(self.is_own(own, given, theirs), own, theirs)

    def is_own(self, own: Tensor, given: Tensor, theirs: Tensor) -> Tensor:
        """Whether a copy's value is its own, in contrast to the trace of an average; bool, of the shape of the three.

        It is while it has not moved since it was `given`. Where the network is what it was then, a value that no
        average over turns of it could have was written by hand.
        """
        return (own == given) | ((theirs == given) & (own.abs() >= given.abs()))

    def claim(self) -> None:
        """From now on the value is this module's own: call it where a copy is trained on its own."""
        if self._origin is not None:
            self._settle()
            self._origin = None

    def _settle(self) -> None:
        """Writes the value in force where tools read, and write, it."""
        if self._origin is None:
            return
        own = getattr(self, self.averaged).detach()
        with torch.no_grad():
            own.copy_(self.current())
        self._remember()

    def _remember(self) -> None:
        if self._origin is not None:
            self._origin = Origin(self._origin.module, getattr(self, self.averaged).detach().clone())

    def __getstate__(self) -> dict[str, Any]:
        self._settle()
        return {name: value for name, value in self.__dict__.items() if name != "_origin"}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__setstate__(deepcopy(self.__getstate__(), memo))
        copied._origin = Origin(self, getattr(self, self.averaged).detach().clone())
        return copied

    def __prepare_scriptable__(self) -> nn.Module:
        # TorchScript reads the tensor itself. (It would put another module in this one's place, in the user's network.)
        self._settle()
        return self

    def _save_to_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._settle()
        super()._save_to_state_dict(*args, **kwargs)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._remember()

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        before = getattr(self, self.averaged).detach()
        super()._apply(fn, recurse)
        after = self._buffers.get(self.averaged)
        if after is not None and after.dtype != before.dtype:
            self._buffers[self.averaged] = before.to(after.device)
        if self._origin is not None:
            self._origin = Origin(self._origin.module, fn(self._origin.given))
        return self


class Flag(Averaged):
    """Holds `flag`, a float32 buffer that is 0 or 1 in every network, and a fraction in an average alone.

    It is no bool: averages of bool tensors raise or stick. A fraction with no origin to ask counts as the nearer one;
    `load_state_dict` refuses it. Checkpoints with a bool flag load.
    """

    averaged = "flag"
    flag: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("flag", torch.zeros(()))

    def reset_parameters(self) -> None:
        """The flag as it is before the first step."""
        with torch.no_grad():
            self.flag.zero_()

    def is_own(self, own: Tensor, given: Tensor, theirs: Tensor) -> Tensor:
        return (own == 0) | (own == 1)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        metadata: Any,
        strict: bool,
        missing: Any,
        unexpected: Any,
        errors: list[str],
    ) -> None:
        key = prefix + "flag"
        if isinstance(value := state_dict.get(key), Tensor) and not value.is_meta:
            value = value.to(self.flag.dtype)
            nearest = value.round().clamp(0, 1)
            if self._origin is None and not bool(((value - nearest).abs() < 1e-6).all()):
                errors.append(
                    f"{key} is {value.tolist()}, an average over networks with and without the flag: give it the 0 "
                    "or 1 of the network that these weights belong to"
                )
                return
            state_dict[key] = nearest if self._origin is None else value
        super()._load_from_state_dict(state_dict, prefix, metadata, strict, missing, unexpected, errors)
