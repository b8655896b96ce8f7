"""Attaching methods behind the BatchNorms and additions of a network, and taking them away again.

A BatchNorm stays the object that it was, under its own name and with its own keys. Its class becomes a subclass of the
same name whose forward passes the output on to the methods, in the way of torch.distributed's `fully_shard`; the
methods are its children.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from inspect import signature
from itertools import chain
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from noise.attaching.first_step import NoiseWarning, unwatch, watch
from noise.attaching.placing import group_for, place
from noise.attaching.splicing import reset_where_absent, splice, subclass, unsplice
from noise.sites.finding import Site, asked, find_sites
from noise.sites.graph import Join


class Injecting(nn.Module):
    """What attaching makes of a BatchNorm, or of the activation inside of one (timm's BatchNormAct2d).

    injected: the names of its children that are methods, in the order in which they were attached.
    """

    __jit_ignored_attributes__ = ("site", "injected")
    site: Site
    injected: tuple[str, ...]
    plain: type[nn.Module]  # the class that it was
    plain_forward: Callable[..., Tensor]

    def _load_from_state_dict(self, state_dict, prefix, *args):
        reset_where_absent(self, self.injected, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def __reduce_ex__(self, protocol):
        # The class is made at run time: a pickle names the one that it was, and which of the three it has become.
        return _empty, (self.plain, type(self).__mro__[1]), self.__dict__


# `plain_forward` is the forward of the class that it was, under a name of its own for TorchScript, which knows no
# `super`. So the first two can be scripted.
class Behind(Injecting):
    """A BatchNorm, and then the methods."""

    def forward(self, input: Tensor) -> Tensor:
        output = self.plain_forward(input)
        if torch.jit.is_scripting():
            for method in self.children():
                output = method(output)
            return output
        else:  # not what has become a child since (`parametrize.register_parametrization`)
            for name in self.injected:
                output = self.get_submodule(name)(output)
            return output


class Before(Injecting):
    """The methods, and then the activation inside of a BatchNorm."""

    def forward(self, input: Tensor) -> Tensor:
        for method in self.children():
            input = method(input)
        return self.plain_forward(input)


class BehindParent(Injecting):
    """A BatchNorm with children, or with further arguments, and then the methods. (TorchScript knows no such call.)"""

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        output = self.plain_forward(*args, **kwargs)
        for name in self.injected:
            output = self.get_submodule(name)(output)
        return output


def attach(
    model: nn.Module,
    make: Callable[[Site], nn.Module],
    sites: str | Iterable[str] = "first",
    *,
    example_input: Any = None,
    optimizer: Optimizer | Iterable[Optimizer] | None = None,
) -> list[str]:
    """Puts `make(site)` behind each of the `sites` and returns their names, in order of execution.

    A method becomes a child of the BatchNorm, under its class's name in lower case (`layer1.0.bn1.signflip`); behind an
    addition, of a module that is spliced in there (`layer1.0.join.signflip`). Methods act in the order in which they
    were attached, and go to the site's device. The network's own parameters keep their names and values and no random
    number is drawn, so that networks from one seed stay paired.

    The plain network's weights load into it as before (`strict`, too): where a state dict holds a site's weights and
    nothing of its methods, they are reset, and the network computes what the plain one does. (A site behind an addition
    goes by the weights of its block.) The way back is `noise.fold`.

    Make the optimiser afterwards, or give it (one or several) as `optimizer`: parameters of the methods go into the
    group that decays the network's (`noise.attaching.placing`). Convert to SyncBatchNorm before, shard and wrap
    afterwards. At the first optimiser step a `NoiseWarning` names the methods of which nothing can come
    (`noise.attaching.first_step`).

    `example_input` is as of `find_sites`, which raises ValueError as this does; so does a method of a class that is
    attached there already, or whose name is taken, and an optimiser of another network. All is then as it was.
    """
    group = None if optimizer is None else group_for(model, optimizer)
    wanted = asked(sites)
    found = find_sites(model, wanted, example_input=example_input)
    made = [make(site) for site in found]
    done: list[tuple[Injecting | Join, str]] = []
    try:
        for site, method in zip(found, made, strict=True):
            _put(model, site, method, done)
    except BaseException:
        for holder, name in reversed(done):
            _remove(model, holder, (name,))
        raise
    if group is not None:
        place((parameter for method in made for parameter in method.parameters()), group, model)
    watch(model, [(site.name, method) for site, method in zip(found, made)], _calls_its_methods)
    first = [site for site in found if site.kind == "first"] if "first" in wanted else []
    unread = [site.name for site in first if not site.activated]
    if 2 * len(unread) > len(first):
        warnings.warn(
            f"no activation reads {len(unread)} of the {len(first)} sites 'first' of {type(model).__name__} "
            f"({unread[0]}, ...): a sign there reaches the next layer as it is; help(noise.sites) has the other sets",
            NoiseWarning,
            stacklevel=3,
        )
    return [site.name for site in found]


def detach(model: nn.Module) -> nn.Module:
    """Removes all methods from `model`, in place, and returns it, with the classes and keys of the plain network.

    What they did goes with them: under a sign of -1 the plain network computes something else (`noise.fold` does not).
    Raises ValueError where a class was changed once more after attaching (`fully_shard`), or a BatchNorm exchanged for
    another that has its methods but does not call them (`convert_sync_batchnorm`).
    """
    found = must_be_as_attached(model)
    for holder in found:
        _remove(model, holder, holder.injected)
    unwatch(model)
    return model


def must_be_as_attached(model: nn.Module) -> list[Injecting | Join]:
    """The `holders`. Raises ValueError where what attaching made was changed since."""
    found = list(holders(model))
    for holder in found:
        kind = type(holder)
        if isinstance(holder, Injecting) and "plain" not in vars(kind):
            raise ValueError(f"{holder.site.name} has become {kind.__name__} since attaching: undo that first")
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and not isinstance(module, Injecting):
            for child, method in module.named_children():
                if child == _name(method) and callable(getattr(method, "in_force", None)):
                    raise ValueError(
                        f"{name} is another {type(module).__name__} than noise was attached to, and does not call its "
                        f"{child}: convert, then attach"
                    )
    return found


def holders(model: nn.Module) -> Iterator[Injecting | Join]:
    """The modules of `model` that methods are attached to."""
    return (module for module in model.modules() if isinstance(module, (Injecting, Join)))


def methods(model: nn.Module) -> Iterator[tuple[str, str, nn.Module]]:
    """Each attached method, as (site, name below it, method), site by site and in the order in which they act."""
    for holder in holders(model):
        for name in holder.injected:
            yield holder.site.name, name, holder.get_submodule(name)


def _calls_its_methods(module: nn.Module) -> bool:
    return isinstance(module, (Injecting, Join))


def _put(model: nn.Module, site: Site, method: nn.Module, done: list[tuple[Injecting | Join, str]]) -> None:
    """Puts the method behind the site; appends what holds it, and its name there, to `done`."""
    if not isinstance(method, nn.Module):
        raise ValueError(f"a method is an nn.Module, got {method!r} for {site.name}")
    path, _, last = site.name.rpartition(".")
    parent = model.get_submodule(path)
    name = _name(method)
    method.to(_device(*([] if site.addition is not None else [parent.get_submodule(last)]), parent))
    holder: Any = getattr(parent, last, None)
    kind: type[Injecting] = Behind
    if site.addition is None and isinstance(activation := holder._modules.get("act"), nn.Module):
        holder, kind = activation, Before
    elif site.addition is None and (holder._modules or len(signature(holder.forward).parameters) > 1):
        kind = BehindParent
    if isinstance(holder, (Injecting, Join)):
        if name in holder.injected:
            raise ValueError(f"{type(method).__name__} is attached at {site.name} already")
    elif site.addition is not None:  # `splice` refuses a name that is taken
        holder = Join()
        holder.site, holder.training = site, parent.training
        splice(parent, holder, last)
    elif hasattr(holder, name):
        raise ValueError(f"{site.name} has an attribute {name!r} already: give {type(method).__name__} another name")
    else:
        if "forward" in vars(holder):
            raise ValueError(f"the forward of {site.name} was replaced on the module itself, which hides its class's")
        holder.__class__ = _subclass(type(holder), kind)  # type: ignore[arg-type]
        holder.site, holder.injected = site, ()
    holder.add_module(name, method)
    holder.injected = (*holder.injected, name)
    done.append((holder, name))
    method.train(holder.training)


def _remove(model: nn.Module, holder: Injecting | Join, names: tuple[str, ...]) -> None:
    """Takes methods away, and with the last of them what attaching has changed."""
    for name in names:
        delattr(holder, name)
    holder.injected = tuple(name for name in holder.injected if name not in names)
    if holder.injected:
        return
    if isinstance(holder, Injecting):
        holder.__class__ = holder.plain  # type: ignore[assignment]
        del holder.site, holder.injected
        return
    # Not by the site's name: the network may have been wrapped since.
    places = ((block, name) for block in model.modules() for name, child in block.named_children() if child is holder)
    unsplice(*next(places))


def _name(method: nn.Module) -> str:
    return type(method).__name__.lower()


@cache
def _subclass(kind: Any, mixin: type[Injecting]) -> type[nn.Module]:
    forward = kind.forward
    renamed = FunctionType(
        forward.__code__, forward.__globals__, "plain_forward", forward.__defaults__, forward.__closure__
    )
    renamed.__annotations__, renamed.__kwdefaults__ = forward.__annotations__, forward.__kwdefaults__
    return subclass(kind, mixin, plain_forward=renamed)


def _empty(kind: type[nn.Module], mixin: type[Injecting]) -> nn.Module:
    """A module of the class, without state: what unpickling and copying begin with."""
    made = _subclass(kind, mixin)  # type: ignore[arg-type]
    return made.__new__(made)


def _device(*modules: nn.Module) -> torch.device | None:
    """Of the first tensor of the first module that has any."""
    tensors = chain.from_iterable(chain(module.parameters(), module.buffers()) for module in modules)
    return next((tensor.device for tensor in tensors), None)
