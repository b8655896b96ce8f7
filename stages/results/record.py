"""record.json of a run, as the stages that come after the training may rely on it."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stages.results.inputs import BadInput, read_json

RECORD = "record.json"
CHECKSUM = "checksum"
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """The entries of a record, of which each is relied on somewhere; it may have others."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    run: str
    variant: str
    seed: Natural
    varied: dict[str, Any]
    params: dict[str, Any]
    crops: str
    hardware: str
    threads: Count | None
    precision: str
    compiled: bool
    processes: Count
    dataset: str
    title: str
    size: Count
    channels: Count
    flip: bool
    classes: Annotated[list[str], Field(min_length=1)]
    images: dict[str, dict[str, Natural]]
    epochs: Count
    steps: Count
    steps_per_epoch: Count
    sites: list[str]
    signed: Natural
    first_turn: Count | None
    turns: Natural
    best_epoch: Count
    warnings: list[str]
    torch: str
    torchvision: str
    python: str
    commit: str | None
    seconds: float
    configuration: str
    files: dict[str, str]


def sealed(record: dict[str, Any]) -> dict[str, Any]:
    """The record with a checksum of all its other entries."""
    rest = {name: value for name, value in record.items() if name != CHECKSUM}
    return rest | {CHECKSUM: hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()}


def is_whole(record: dict[str, Any]) -> bool:
    """Whether no entry has changed since the record was sealed; those of earlier versions never were."""
    return CHECKSUM not in record or sealed(record) == record


def read_record(run: Path, runs: Path) -> dict[str, Any]:
    """The record of a run, which lies in a folder below `runs`.

    Raises BadInput, one line that names the file, where it is missing, damaged, older or of another run.
    """
    file = run / RECORD
    record = read_json(file)
    mistakes: list[Any] = []
    try:
        Record.model_validate(record)
    except ValidationError as error:
        mistakes = error.errors()
    if CHECKSUM not in record and (missing := [str(each["loc"][0]) for each in mistakes if each["type"] == "missing"]):
        cure = "`python -m stages.running.kept --prune`, then `dvc repro --force` of the stage that trains it"
        raise BadInput(f"{file}: an older record, without {', '.join(missing)}: {cure}")
    if mistakes or not is_whole(record):
        where = ".".join(map(str, mistakes[0]["loc"])) if mistakes else ""
        what = f"{where}: {mistakes[0]['msg']}" if mistakes else "not what was written"
        raise BadInput(f"{file}: damaged ({what}); {anew(run)}")
    place = "/".join([record["variant"], *run.relative_to(runs).parts])
    if record["run"] != place or str(record["seed"]) != run.name:
        raise BadInput(f"{file}: of another run, {record['run']} and not {place}; {anew(run)}")
    if record["best_epoch"] > record["epochs"] or record["steps"] != record["epochs"] * record["steps_per_epoch"]:
        raise BadInput(f"{file}: damaged (epochs and steps contradict each other); {anew(run)}")
    for split, counts in record["images"].items():
        if list(counts) != record["classes"]:
            raise BadInput(f"{file}: damaged (images.{split} is of other classes); {anew(run)}")
    return record


def must_be_its_own(run: Path, record: dict[str, Any], names: list[str]) -> None:
    """Raises BadInput where a file of the run is missing, or not the one that its record tells of."""
    for name in names:
        try:
            with open(run / name, "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise BadInput(f"{run / name}: missing; {anew(run)}") from None
        if record["files"].get(name) != found:
            raise BadInput(f"{run / name}: damaged, or of another run than its {RECORD}; {anew(run)}")


def anew(run: Path) -> str:
    """What writes a run anew: DVC sees that its files have changed, and the training takes it from the kept ones."""
    return f"`dvc repro` of the stage that trains {run} writes it anew"
