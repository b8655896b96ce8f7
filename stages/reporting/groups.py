"""The runs of a study in groups: one variant and one value of each varied parameter, over seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stages.reporting.measures import MEASURES
from stages.reporting.style import BASELINE
from stages.results.inputs import BadInput
from stages.results.statistics import Interval, mean_interval
from stages.results.tables import Results


@dataclass(frozen=True)
class Group:
    """values: of the varied parameters that the variant reads, as text. runs: the name of the run of each seed."""

    variant: str
    values: dict[str, str]
    runs: dict[int, str]

    def without(self, parameter: str) -> tuple[tuple[str, str], ...]:
        """The values of all other varied parameters."""
        return tuple((name, value) for name, value in self.values.items() if name != parameter)


def groups_of(results: Results) -> list[Group]:
    """The groups in the order of runs.csv. Raises BadInput where one has two runs of a seed."""
    groups: dict[tuple, Group] = {}
    for row in results.runs.to_dict("records"):
        values = {name: row[name] for name in results.varied if row[name] != ""}
        group = groups.setdefault((row["variant"], *values.items()), Group(row["variant"], values, {}))
        if row["seed"] in group.runs:
            raise BadInput(f"runs.csv: {row['run']} and {group.runs[row['seed']]} differ in nothing that is varied")
        group.runs[row["seed"]] = row["run"]
    return list(groups.values())


def by_seed(results: Results, group: Group, measure: str) -> dict[int, float]:
    """`{seed: value}` of one of `MEASURES`. Raises BadInput where a run has no such value."""
    _, weights, split, name, _ = MEASURES[measure]
    table = results.measures
    found = table[
        (table["weights"] == weights)
        & (table["split"] == split)
        & (table["measure"] == name)
        & (table["corruption"] == "")
        & table["run"].isin(group.runs.values())
    ]
    values = dict(zip(found["run"], found["value"]))
    absent = [run for run in group.runs.values() if run not in values]
    if absent:
        raise BadInput(f"measures.csv: no {MEASURES[measure].title.lower()} of the run {absent[0]}")
    return {seed: values[run] for seed, run in group.runs.items()}


def difference(results: Results, groups: list[Group], group: Group, measure: str) -> Interval | None:
    """To the baseline of the same seed, under the same values of what the baseline reads; None without such a one."""
    found = differences(results, groups, group, measure)
    return mean_interval(found.values()) if found else None


def differences(results: Results, groups: list[Group], group: Group, measure: str) -> dict[int, float]:
    """The same of each seed that both have; empty without such a baseline."""
    baseline = baseline_of(groups, group)
    if baseline is None:
        return {}
    ours, plain = (by_seed(results, which, measure) for which in (group, baseline))
    return {seed: ours[seed] - plain[seed] for seed in sorted(set(ours) & set(plain))}


def baseline_of(groups: list[Group], group: Group) -> Group | None:
    """The baseline that the group is compared with: of the values of what it reads, and of one of its seeds."""
    for other in groups:
        alike = other.variant == BASELINE and other.values.items() <= group.values.items()
        if alike and other != group and set(other.runs) & set(group.runs):
            return other
    return None


def numbers_of(values: Sequence[str]) -> dict[str, float] | None:
    """The values as numbers in rising order; None where one is no number: they are categories."""
    try:
        numbers = {value: float(value) for value in values}
    except ValueError:
        return None
    if not all(map(math.isfinite, numbers.values())):
        return None
    return dict(sorted(numbers.items(), key=lambda item: item[1]))
