"""The schema of params.yaml: types, ranges, and one clear line per mistake.

The file is read as YAML 1.2 (ruamel.yaml): `dvc exp run -S train.learning_rate=0.00001` writes `1e-05`, which YAML 1.1
readers such as PyYAML take for a string.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
# Sets and names of sites are those of `noise.sites`, which the stage `check` asks: this module needs no torch.
Sites = Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]


def _each_once(values: list[Any]) -> list[Any]:
    if repeated := [value for place, value in enumerate(values) if value in values[:place]]:
        words = "{values} stand more than once; each is a run of its own"
        raise PydanticCustomError("repeated", words, {"values": repeated})
    return values


class Section(BaseModel):
    """A part of params.yaml: no other names than these, no conversions, no defaults."""

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
    precision: Literal["auto", "float32", "bfloat16"]
    deterministic: bool
    processes: Count


class Machine(Section):
    device: str
    threads: Count
    side_by_side: Count | None
    compile: Literal["auto", "on", "off"]
    workers: Count | None
    checkpoint_seconds: Annotated[float, Field(ge=0)]


class Dropout(Section):
    p: Rate
    sites: Sites


class Periodic(Section):
    unit: Literal["epoch", "step"]
    sites: Sites


class Dynamic(Section):
    start: Annotated[float, Field(gt=0, lt=1)] | Literal["auto"]
    first_turn: Annotated[float, Field(gt=0, lt=1)]
    constant: Annotated[float, Field(gt=0)]
    sites: Sites
    weight: Literal["channel", "network"]
    reinitialise: bool
    divide: Literal["absolute", "signed"]
    gradient: Literal["autograd", "exact"]


class Gaussian(Section):
    stddev: Annotated[float, Field(ge=0)]
    sites: Sites


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


class Params(Section):
    """All of params.yaml."""

    dataset: str
    seeds: Annotated[list[Seed], Field(min_length=1), AfterValidator(_each_once)]
    interval: Count
    faces: Faces
    data: Data
    train: Train
    dropout: Dropout
    periodic: Periodic
    dynamic: Dynamic
    gaussian: Gaussian
    circles: Circles
    machine: Machine


# A study's params.yaml holds only what its stages read, and `vary`: the values that a parameter takes in turn. How the
# machine computes is none of a study's business: `machine` is always that of the root's params.yaml.
Study: Any = create_model(  # type: ignore[call-overload]
    "Study",
    __base__=Section,
    vary=(dict[str, Annotated[list[Any], Field(min_length=1), AfterValidator(_each_once)]], ...),
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
        raise SystemExit("\n".join(f"{where}: {line}" for line in _lines(model, error.errors()))) from None


def _lines(model, mistakes):
    """One line per parameter: a union reports each branch that it tried, and they are joined by "or"."""
    lines = {}
    for mistake in mistakes:
        # The branch of a union ("int", "literal[7,8,'all']") is no part of the user's file.
        names = [str(part) for part in mistake["loc"] if not (isinstance(part, str) and _is_branch(part))]
        lines.setdefault(".".join(names), []).append(_what_is_wrong(model, names, mistake))
    return [f"{where}: {' or '.join(dict.fromkeys(parts))}" for where, parts in lines.items()]


def _what_is_wrong(model, names, mistake):
    if mistake["type"] == "missing":
        return "missing"
    if mistake["type"] == "extra_forbidden":
        known = _fields(names[:-1]) if len(names) > 1 else list(model.model_fields)
        close = get_close_matches(names[-1], known, n=1)
        return f"no such parameter; {f'did you mean {close[0]}?' if close else 'known here: ' + ', '.join(known)}"
    message = mistake["msg"].removeprefix("Input ").replace("should be", "must be")
    return f"{mistake['input']!r}: {message}"


def _is_branch(part):
    return part in {"int", "float", "str", "constrained-float"} or "[" in part


def _fields(names):
    model = Params
    for name in names:
        model = model.model_fields[name].annotation
    return list(model.model_fields)
