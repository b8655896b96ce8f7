"""A sweep at a glance: `python -m stages.reporting.sweep PARAMETER [REVISION ...]`, or `make sweep OF=interval`.

Writes to sweeps/<parameter>/ (--out) the figure and the table that a study of that parameter has, of the runs in
several revisions: HEAD, its experiments and the workspace, or those that are named. Nothing is trained.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from stages.ending import this_stage
from stages.reporting import exhibits, study, study_figure, style
from stages.reporting.groups import groups_of
from stages.reporting.parameters import deciding
from stages.reporting.revisions import Revision, at_hand, files
from stages.reporting.swept import Committed, joined
from stages.results import tables
from stages.results.inputs import BadInput
from stages.results.tables import Results
from stages.yaml_file import load

PARAMETERS, REPORTS = "params.yaml", "reports"


def main(parameter: str, names: Sequence[str], every: bool, hold: Mapping[str, str], out: Path) -> None:
    """Write the figure and the table. Raises BadInput and OSError."""
    this_stage("sweep")
    _must_be_no_out(out)
    revisions = at_hand(names, every)
    results = joined([_read(revision) for revision in revisions], parameter, hold)
    with style.applied():
        drawn = [(f"{parameter}.png", study_figure.draw(results, parameter))]
        exhibits.write(out, [*drawn, ("table.md", page(results, parameter, revisions, hold))], svg=out)
    values = ", ".join(value for value in results.runs[parameter].unique() if value)
    print(f"{out}/: {parameter} {values} in {len(revisions)} revisions; {parameter}.png, {parameter}.svg, table.md")


def page(results: Results, parameter: str, revisions: Sequence[Revision], hold: Mapping[str, str]) -> str:
    """The table in Markdown, with what it was made of."""
    made_of = [
        f"{revision.name} ({revision.commit[:7]})" if revision.commit else revision.name for revision in revisions
    ]
    held = [f"- Held: {', '.join(f'{name}={value}' for name, value in hold.items())}"] if hold else []
    head = [f"# Sweep of {parameter}", "", f"- Revisions: {', '.join(made_of)}", *held, ""]
    return "\n".join([*head, *study.table(results, groups_of(results)), ""])


def _read(revision: Revision) -> Committed:
    with files(revision, [PARAMETERS, *(f"{REPORTS}/{name}" for name in tables.FILES)]) as folder:
        return Committed(revision.name, deciding(folder / PARAMETERS), tables.read(folder / REPORTS))


def _must_be_no_out(target: Path) -> None:
    """What a stage makes, DVC would find changed."""
    for name, stage in load("dvc.yaml")["stages"].items():
        for out in stage.get("outs", []):
            path = Path(next(iter(out)) if isinstance(out, dict) else out).resolve()
            if target.resolve().is_relative_to(path) or path.is_relative_to(target.resolve()):
                raise BadInput(f"{target}: the stage {name} writes there; --out names another folder")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: expected PARAMETER=VALUE")
    return name, value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parameter", help="by its dotted name, as train.learning_rate")
    parser.add_argument("revisions", nargs="*", help="branches, tags, commits, experiments, workspace")
    parser.add_argument("--all", action="store_true", help="every branch, and the experiments of every commit")
    parser.add_argument("--hold", action="append", type=_pair, default=[], metavar="PARAMETER=VALUE")
    parser.add_argument("--out", type=Path, help="folder (default: sweeps/<parameter>)")
    given = parser.parse_args()
    out = given.out or Path("sweeps") / given.parameter
    main(given.parameter, given.revisions, given.all, dict(given.hold), out)
