"""The schema of params.yaml: types, ranges, and one clear line per mistake.

Every number has a greatest value, beyond what anybody can mean: a slip of the keyboard is a line, and neither hangs
the machine nor takes all of its memory.
"""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator
from pydantic_core import PydanticCustomError

from stages.mistakes import lines
from stages.yaml_file import load, shown

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, le=100)]
Strength = Annotated[float, Field(ge=0, le=100)]
Epochs = Annotated[int, Field(ge=1, le=10_000)]
Processes = Annotated[int, Field(ge=1, le=256)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Images = Annotated[int, Field(ge=2, le=100_000_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
# Sets and names of sites are those of `noise.sites`, which the stage `check` asks: this module needs no torch.
Sites = Name | Annotated[list[Name], Field(min_length=1, max_length=10_000)]
MOST_RUNS = 1000  # of a study's variant: the varied values, in every combination, times the seeds


def _each_once(values: list[Any]) -> list[Any]:
    if repeated := [value for place, value in enumerate(values) if value in values[:place]]:
        raise PydanticCustomError("repeated", "{values} stand more than once", {"values": shown(repeated)})
    return values


def _no_section(value: Any) -> Any:
    if isinstance(value, dict):
        raise PydanticCustomError("section", "a section does not vary as a whole; name its parameters (train.epochs)")
    return value


def _not_too_many(vary: dict[str, list[Any]]) -> dict[str, list[Any]]:
    if (runs := prod(map(len, vary.values()))) > MOST_RUNS:
        words = "{runs} combinations are more than the {most} that a study can have"
        raise PydanticCustomError("too_many", words, {"runs": runs, "most": MOST_RUNS})
    return vary


class Section(BaseModel):
    """A part of params.yaml: no other names than these, no conversions, no defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Faces(Section):
    train: Annotated[int, Field(ge=70, le=100_000)]
    val: Annotated[int, Field(ge=70, le=100_000)]
    wrong_labels: Rate
    seed: Seed


class Data(Section):
    side: (
        Annotated[int, Field(ge=8, le=1024)] | None
    )  # DVC leaves `size` and `nfiles` out of what its run-cache goes by
    classes: (
        Literal[7, 8, "all"] | Annotated[list[Name], Field(min_length=2, max_length=10_000), AfterValidator(_each_once)]
    )
    limit: Images | None
    test_share: Annotated[float, Field(ge=0, lt=0.9)]
    test_of_val: Rate
    max_failures: Share
    drop_duplicates: bool
    soft_labels: bool
    outside: bool


class Augment(Section):
    flip: bool
    shift: Annotated[int, Field(ge=0, le=128)]
    rotate: Annotated[float, Field(ge=0, le=180)]
    scale: Annotated[float, Field(ge=0, lt=1)]
    erase: Share


class Watched(Section):
    train: Images | None
    val: Images | None


class Train(Section):
    images: Images | None
    watched: Watched
    network: Name
    stem: Literal["imagenet", "small"]
    epochs: Epochs
    batch_size: Annotated[int, Field(ge=2, le=65_536)]
    optimizer: Literal["adam", "adamw", "sgd"]
    learning_rate: Positive
    weight_decay: Strength
    momentum: Rate
    schedule: Literal["constant", "step", "cosine", "one-cycle", "restarts"]
    period: Epochs | None
    warmup: Annotated[int, Field(ge=0, le=10_000)]
    label_smoothing: Rate
    class_balance: Literal["none", "weights", "sampling"]
    early_stopping: Epochs | None
    ema: Annotated[float, Field(gt=0, lt=1)] | None
    augment: Augment
    order: Seed
    precision: Literal["auto", "float32", "bfloat16"]
    deterministic: bool
    processes: Processes

    @field_validator("period")
    @classmethod
    def _restart(cls, period, others):
        if period is None and others.data.get("schedule") == "restarts":
            raise PydanticCustomError("no_period", "must be a number of epochs where train.schedule is restarts")
        return period


class Machine(Section):
    device: Name
    threads: Annotated[int, Field(ge=1, le=1024)]
    side_by_side: Processes | None
    compile: Literal["auto", "on", "off"]
    workers: Processes | None
    checkpoint_seconds: Annotated[float, Field(ge=0, le=1e9)]


class Dropout(Section):
    p: Rate
    sites: Sites


class Periodic(Section):
    unit: Literal["epoch", "step"]
    turns: (
        Annotated[
            list[Annotated[int, Field(ge=1, le=10**9)]],
            Field(min_length=1, max_length=100_000),
            AfterValidator(_each_once),
        ]
        | None
    )
    share: Annotated[float, Field(gt=0, le=1)]
    sites: Sites


class Dynamic(Section):
    start: Annotated[float, Field(gt=0, lt=1)] | Literal["auto"]
    first_turn: Annotated[float, Field(gt=0, lt=1)]
    constant: Annotated[float, Field(gt=0, le=1e6)]
    sites: Sites
    weight: Literal["channel", "network"]
    reinitialise: bool
    divide: Literal["absolute", "signed"]
    gradient: Literal["autograd", "exact"]


class Gaussian(Section):
    stddev: Strength
    sites: Sites


class Bursts(Section):
    stddev: Strength
    sites: Sites


class Circles(Section):
    samples: Annotated[int, Field(ge=20, le=10_000)]
    train: Annotated[int, Field(ge=2, le=10_000)]
    noise: Strength
    random_state: Seed
    hidden: Annotated[int, Field(ge=1, le=10_000)]
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    learning_rate: Positive
    input_stddev: Strength
    hidden_stddev: Strength
    seeds: Annotated[int, Field(ge=2, le=1000)]
    draws: Annotated[int, Field(ge=2, le=1000)]
    test_points: Annotated[int, Field(ge=100, le=100_000)]

    @field_validator("train")
    @classmethod
    def _leave_test_points(cls, train, others):
        samples = others.data.get("samples")  # absent where that is a mistake itself
        if samples is not None and train >= samples:
            raise PydanticCustomError("no_test_points", "must be less than samples, {samples}", {"samples": samples})
        return train


class Params(Section):
    """All of params.yaml."""

    dataset: Name
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=1000), AfterValidator(_each_once)]
    interval: Annotated[int, Field(ge=1, le=10**9)]
    faces: Faces
    data: Data
    train: Train
    dropout: Dropout
    periodic: Periodic
    dynamic: Dynamic
    gaussian: Gaussian
    bursts: Bursts
    circles: Circles
    machine: Machine


# A study's params.yaml holds only what its stages read, and `vary`: the values that a parameter takes in turn. How the
# machine computes is none of a study's business: `machine` is always that of the root's params.yaml.
Value = Annotated[Any, AfterValidator(_no_section)]
Study: Any = create_model(  # type: ignore[call-overload]
    "Study",
    __base__=Section,
    vary=(
        Annotated[
            dict[Name, Annotated[list[Value], Field(min_length=1, max_length=MOST_RUNS), AfterValidator(_each_once)]],
            AfterValidator(_not_too_many),
        ],
        ...,
    ),
    **{
        name: (Optional[field.rebuild_annotation()], None)  # noqa: UP045 - no `|` for what is made at run time
        for name, field in Params.model_fields.items()
        if name != "machine"
    },
)


def read(path: str | Path = "params.yaml") -> Params:
    """The validated parameters of a file; a file with `vary` is a study's: what it leaves out is None.

    Raises SystemExit with one line per mistake, each naming the file, the parameter, its value and what would be right.
    """
    values = load(path)
    return _validated(Study if "vary" in values else Params, values, str(path))


def with_values(params: Params, values: Mapping[str, Any], where: str) -> Params:
    """The parameters with some others, given by their dotted names (`{"train.learning_rate": 0.001}`).

    Raises SystemExit as `read`; `where` is the file that the values are of.
    """
    changed = params.model_dump()
    for name, value in values.items():
        *sections, last = name.split(".")
        part = changed
        for section in sections:
            part = part.get(section)
            if not isinstance(part, dict):
                raise SystemExit(f"{where}: vary: {name}: there is no section {section} to vary")
        part[last] = value
    return _validated(type(params), changed, where)


def recorded(values: dict[str, Any], where: str) -> Params:
    """The parameters of a run, as its record holds them: those that decided it, and no others. Raises as `read`."""
    return _validated(Study, {"vary": {}, **values}, where)


def must_have(params: Params, names: list[str], reader: str, where: str) -> None:
    """Raises SystemExit where a study's file leaves out a part that is read."""
    missing = [name for name in names if getattr(params, name, None) is None]
    if missing:
        raise SystemExit("\n".join(f"{where}: {name}: missing; {reader} reads it" for name in missing))


def _validated(model: type[Section], values: dict, where: str) -> Any:
    try:
        return model.model_validate(values, strict=True)
    except ValidationError as error:
        found = lines(error.errors(include_url=False), values, lambda sections: _names(model, sections))
        raise SystemExit("\n".join(f"{where}: {line}" for line in found)) from None


def _names(model: type[Section], sections: list[str]) -> list[str]:
    """What may stand in the file (no section), or in a section of it: a study's are those of `Params`."""
    inner: Any = model if not sections else Params
    for name in sections:
        inner = inner.model_fields[name].annotation
    return list(inner.model_fields)
