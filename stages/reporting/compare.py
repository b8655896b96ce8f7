"""Experiments side by side, in 100 columns: `python -m stages.reporting.compare [REVISION ...]`, or `make compare`.

Of each revision the parameters in which it differs from the others, the number of seeds, and the score of each variant
with half of its interval. Without names: HEAD, its experiments, and the workspace where it is another one.
"""

import argparse
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from stages.ending import this_stage
from stages.reporting.measures import MEASURES, PRIMARY
from stages.reporting.parameters import deciding, differing
from stages.reporting.revisions import Revision, at_hand, files
from stages.results.cells import INTEGER, NUMBER, OPTIONAL_NUMBER, TEXT, read_table
from stages.results.statistics import LEVEL

PARAMETERS, TABLE = "params.yaml", "reports/table1.csv"
KINDS = {
    "variant": TEXT,
    "measure": TEXT,
    "n": INTEGER,
    "mean": NUMBER,
    "low": OPTIONAL_NUMBER,
    "high": OPTIONAL_NUMBER,
}
WIDTH, LONGEST = 100, 24  # characters of a line, of a name
HIGHEST = 4  # lines of a row
Scores = dict[str, tuple[int, str]]  # {variant: (n, mean and half of its interval)}


def main(names: Sequence[str], every: bool) -> None:
    """Print the table. Raises BadInput."""
    this_stage("compare")
    revisions = at_hand(names, every)
    asked: dict[str, dict[str, str]] = {}
    scores: dict[str, Scores] = {}
    for revision in revisions:
        asked[revision.name], scores[revision.name] = _read(revision)
    different = differing(asked)
    differs = {
        name: [f"{each}={values.get(each, '(none)')}" for each in different] or ["nothing"]
        for name, values in asked.items()
    }
    print("\n".join(table(differs, scores)))


def table(differs: dict[str, list[str]], scores: dict[str, Scores]) -> list[str]:
    """The lines; what differs stands beside the scores where there is room, else below them."""
    variants = list(dict.fromkeys(variant for found in scores.values() for variant in found))
    heads = [_head(variant) for variant in variants]
    widths = [max(11, *map(len, head)) for head in heads]
    first = min(LONGEST, max(len("experiment"), *map(len, differs)))
    room = WIDTH - first - 2 - 5 - sum(width + 2 for width in widths)
    beside = room if all(_fits(parts, room) for parts in differs.values()) else 0
    layout = [first, *[beside] * bool(beside), 3, *widths]

    lines = [f"{MEASURES[PRIMARY].title}: mean ± half of its {LEVEL:.0%} t interval over n seeds", ""]
    lines += _row([["experiment"], *[["differs in"]] * bool(beside), ["n"], *heads], layout)
    lines.append("-" * len(lines[-1]))
    for name, found in scores.items():
        n = "/".join(dict.fromkeys(str(number) for number, _ in found.values())) or "–"
        wrapped = _wrapped(differs[name], beside or WIDTH - 4)
        cells = [[found[variant][1] if variant in found else "–"] for variant in variants]
        lines += _row([[name[:LONGEST]], *[wrapped] * bool(beside), [n], *cells], layout)
        lines += [] if beside else textwrap.indent("\n".join(wrapped), "    ").splitlines()
    return lines


def _read(revision: Revision) -> tuple[dict[str, str], Scores]:
    with files(revision, (PARAMETERS, TABLE)) as folder:
        asked = deciding(folder / PARAMETERS)
        if not (folder / TABLE).is_file():
            return asked, {}
        rows = read_table(folder / TABLE, KINDS, again="the stage report writes it")
    primary = rows[rows["measure"] == PRIMARY]
    return asked, {row.variant: (row.n, _score(row.mean, row.low, row.high)) for row in primary.itertuples()}


def _score(mean: float, low: float, high: float) -> str:
    """As 0.339 ±.031; one run has no interval."""
    return f"{mean:.3f}" if low != low else f"{mean:.3f} ±{f'{(high - low) / 2:.3f}'.removeprefix('0')}"


def _fits(parts: list[str], width: int) -> bool:
    return max(map(len, [*parts, "differs in"])) <= width and len(_wrapped(parts, width)) <= HIGHEST


def _wrapped(parts: list[str], width: int) -> list[str]:
    """As many in a line as it has room for; one that is wider keeps its line."""
    lines = parts[:1]
    for part in parts[1:]:
        joined = f"{lines[-1]}  {part}"
        lines = [*lines[:-1], joined] if len(joined) <= width else [*lines, part]
    return lines


def _head(variant: str) -> list[str]:
    """A long name takes a line for each of its parts."""
    parts = variant.split("-")
    return [f"{part}-" for part in parts[:-1]] + parts[-1:]


def _row(cells: list[list[str]], widths: list[int]) -> list[str]:
    lines = zip_longest(*cells, fillvalue="")
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revisions", nargs="*", help="branches, tags, commits, experiments, workspace")
    parser.add_argument("--all", action="store_true", help="every branch, and the experiments of every commit")
    arguments = parser.parse_args()
    main(arguments.revisions, arguments.all)
