"""The schema of params.yaml: types, ranges, and one clear line per mistake.

The file is read as YAML 1.2 (ruamel.yaml): `dvc exp run -S train.learning_rate=0.00001` writes `1e-05`, which YAML 1.1 readers
such as PyYAML take for a string.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Sites = Literal["first", "second", "block", "shortcut", "stem", "all"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Faces(Section):
    train: Annotated[int, Field(ge=70)]
    val: Annotated[int, Field(ge=70)]
    wrong_labels: Rate
    seed: Seed


class Data(Section):
    size: Annotated[int, Field(ge=8, le=1024)] | None
    classes: Literal[7, 8, "all"] | Annotated[list[str], Field(min_length=2)]
    limit: Count | None
    test_share: Annotated[float, Field(ge=0, lt=0.9)]
    max_failures: Share
    drop_duplicates: bool
    soft_labels: bool


class Augment(Section):
    flip: bool
    shift: Annotated[int, Field(ge=0, le=128)]
    rotate: Annotated[float, Field(ge=0, le=180)]
    scale: Annotated[float, Field(ge=0, lt=1)]
    erase: Share


class Train(Section):
    network: str
    stem: Literal["imagenet", "small"]
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    optimizer: Literal["adam", "adamw", "sgd"]
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    momentum: Rate
    schedule: Literal["constant", "step", "cosine", "one-cycle"]
    warmup: Annotated[int, Field(ge=0)]
    label_smoothing: Rate
    class_balance: Literal["none", "weights", "sampling"]
    early_stopping: Count | None
    ema: Annotated[float, Field(gt=0, lt=1)] | None
    augment: Augment
    device: str
    precision: Literal["auto", "float32", "bfloat16"]
    compile: Literal["auto", "on", "off"]
    deterministic: bool
    processes: Count
    checkpoint_seconds: Annotated[float, Field(ge=0)]


class Dropout(Section):
    p: Rate
    sites: Sites


class Periodic(Section):
    unit: Literal["epoch", "step"]
    sites: Sites


class Dynamic(Section):
    start: Annotated[float, Field(gt=0, lt=1)]
    constant: Annotated[float, Field(gt=0)]
    sites: Sites
    weight: Literal["channel", "network"]
    reinitialise: bool
    divide: Literal["absolute", "signed"]
    gradient: Literal["autograd", "exact"]


class Circles(Section):
    samples: Annotated[int, Field(ge=20)]
    train: Annotated[int, Field(ge=2)]
    noise: Annotated[float, Field(ge=0)]
    random_state: Seed
    hidden: Count
    epochs: Count
    learning_rate: Annotated[float, Field(gt=0)]
    input_stddev: Annotated[float, Field(ge=0)]
    hidden_stddev: Annotated[float, Field(ge=0)]
    seeds: Annotated[int, Field(ge=2)]
    draws: Annotated[int, Field(ge=2)]
    test_points: Annotated[int, Field(ge=100)]

    @field_validator("train")
    @classmethod
    def _leave_test_points(cls, train, others):
        samples = others.data.get("samples")  # absent where that is a mistake itself
        if samples is not None and train >= samples:
            raise PydanticCustomError("no_test_points", "must be less than samples, {samples}", {"samples": samples})
        return train


class Machine(Section):
    workers: Count | None


class Params(Section):
    dataset: str
    seeds: Annotated[list[Seed], Field(min_length=1)]
    interval: Count
    faces: Faces
    data: Data
    train: Train
    dropout: Dropout
    periodic: Periodic
    dynamic: Dynamic
    circles: Circles
    machine: Machine


def read(path="params.yaml"):
    """The validated parameters of a file, as `Params`.

    Raises SystemExit with one line per mistake, each naming the file, the parameter, its value and what would be right.
    """
    try:
        values = YAML(typ="safe", pure=True).load(Path(path))
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}; run from the root of the repository") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        raise SystemExit(f"{path}:{where} not YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(values, dict):
        raise SystemExit(f"{path}: expected a mapping of parameters, got {type(values).__name__}")
    try:
        params = Params.model_validate(values, strict=True)
    except ValidationError as error:
        raise SystemExit("\n".join(f"{path}: {line}" for line in _lines(error.errors()))) from None
    repeated = sorted({seed for seed in params.seeds if params.seeds.count(seed) > 1})
    if repeated:
        raise SystemExit(f"{path}: seeds: {repeated} stand more than once; each seed is one run")
    return params


def _lines(mistakes):
    """One line per parameter: a union reports each branch that it tried, and they are joined by "or"."""
    lines = {}
    for mistake in mistakes:
        # The branch of a union ("int", "literal[7,8,'all']") is no part of the user's file.
        names = [str(part) for part in mistake["loc"] if not (isinstance(part, str) and _is_branch(part))]
        lines.setdefault(".".join(names), []).append(_what_is_wrong(names, mistake))
    return [f"{where}: {' or '.join(dict.fromkeys(parts))}" for where, parts in lines.items()]


def _what_is_wrong(names, mistake):
    if mistake["type"] == "missing":
        return "missing"
    if mistake["type"] == "extra_forbidden":
        known = _fields(names[:-1])
        close = get_close_matches(names[-1], known, n=1)
        return f"no such parameter; {f'did you mean {close[0]}?' if close else 'known here: ' + ', '.join(known)}"
    return f"{mistake['input']!r}: {mistake['msg'].removeprefix('Input ').replace('should be', 'must be')}"


def _is_branch(part):
    return part in {"int", "float", "str"} or "[" in part


def _fields(names):
    model = Params
    for name in names:
        model = model.model_fields[name].annotation
    return list(model.model_fields)
