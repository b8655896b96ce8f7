"""The runs that a stage trains: every seed, and in a study every value of what is varied."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.params import Machine, Params, must_have, with_values
from stages.variants import Variant, load, names


@dataclass(frozen=True)
class Job:
    """One run to be trained: what, by which parameters, from which crops, and into which folder.

    `varied` are the dotted names and values of a study that this run's variant reads; `where` is the parameters' file.
    """

    variant: str
    seed: int
    params: Params
    machine: Machine
    crops: Path
    out: Path
    varied: dict[str, Any] = field(default_factory=dict)
    where: str = "params.yaml"

    @property
    def name(self) -> str:
        """The run in the tables: "periodic/0", or "periodic/interval=3/0" in a study."""
        return "/".join(
            [self.variant, *(f"{name}={_plain(value)}" for name, value in self.varied.items()), str(self.seed)]
        )

    @property
    def title(self) -> str:
        """The run in words: "periodic, interval 3, seed 0"."""
        varied = (f"{name} {_plain(value)}" for name, value in self.varied.items())
        return ", ".join([self.variant, *varied, f"seed {self.seed}"])

    @property
    def folder(self) -> Path:
        """Where the finished run goes, below the stage's out."""
        return self.out.joinpath(*self.name.split("/")[1:])

    def read(self) -> dict[str, Any]:
        """The parameters that decide this run, by their names in params.yaml."""
        values = self.params.model_dump(mode="json")
        return {name: values[name] for name in ("train", *load(self.variant).reads)}


def jobs(variant: str, params: Params, machine: Machine, crops: Path, out: Path, where: str) -> list[Job]:
    """The runs of a variant, seed by seed.

    Raises SystemExit where the file leaves out what the variant reads, or a varied value is none that it can have.
    """
    chosen = load(variant)
    must_have(params, ["seeds", "train"], "the training", where)
    must_be_read(params, where)
    found = []
    for varied in combinations(params, chosen):
        own = with_values(params, varied, where) if varied else params
        must_have(own, list(chosen.reads), f"the variant {variant}", where)
        found += [Job(variant, seed, own, machine, crops, out, varied, where) for seed in params.seeds]
    return sorted(found, key=lambda job: params.seeds.index(job.seed))


def must_be_read(params: Params, where: str) -> None:
    """Raises SystemExit where a study varies what no variant reads, or what all runs of a stage must share."""
    read = {"train", *(part for name in names() for part in load(name).reads)}
    for name in getattr(params, "vary", None) or {}:
        if name == "train.processes":
            raise SystemExit(f"{where}: vary: {name}: the runs of a stage are all made by as many processes")
        if name.split(".")[0] not in read:
            known = ", ".join(sorted(read))
            raise SystemExit(f"{where}: vary: {name}: no variant reads it, and so no training; there are {known}")


def combinations(params: Params, variant: Variant) -> Iterator[dict[str, Any]]:
    """Every combination of the varied values that the variant reads; one empty one where it reads none of them."""
    vary = getattr(params, "vary", None) or {}
    mine = {name: values for name, values in vary.items() if name.split(".")[0] in ("train", *variant.reads)}
    for values in itertools.product(*mine.values()):
        yield dict(zip(mine, values))


def _plain(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)
