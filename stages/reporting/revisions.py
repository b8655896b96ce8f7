"""What was committed in other revisions: branches, tags, commits, and DVC's experiments, which are refs of Git too.

Their parameters and the tables in reports/ are plain files in Git, so that neither DVC nor a cache is needed.
"""

import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from stages.results.inputs import BadInput

WORKSPACE = "workspace"
COMPARED = ("params.yaml", "reports")  # in which a workspace is another revision
EXPERIMENT = re.compile(r"refs/exps/(?P<one>[0-9a-f]{2})/(?P<two>[0-9a-f]+)/(?P<name>[^/]+)")


class Revision(NamedTuple):
    """A name, as the user has it, and its commit; None is the workspace."""

    name: str
    commit: str | None


def at_hand(names: Sequence[str] = (), every: bool = False) -> list[Revision]:
    """The named revisions; without names HEAD, its experiments, and the workspace where it is none of these.

    `every`: all branches, and the experiments of all commits. Raises BadInput where there is no such revision.
    """
    experiments = _experiments()
    if names:
        return [_named(name, experiments) for name in names]
    head = _git("rev-parse", "HEAD").decode().strip()
    branch = _git("rev-parse", "--abbrev-ref", "HEAD").decode().strip()
    found = [Revision(head[:7] if branch == "HEAD" else branch, head)]
    if every:
        branches = _git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads").decode()
        found += [Revision(*line.rsplit(" ", 1)) for line in branches.splitlines() if not line.startswith(f"{branch} ")]
    found += [Revision(name, commit) for name, commit, base in experiments if every or base == head]
    return found if any(map(_is_here, found)) else [*found, Revision(WORKSPACE, None)]


@contextmanager
def files(revision: Revision, paths: Iterable[str]) -> Iterator[Path]:
    """A folder with these files of the revision, those that it has. What is raised of them names the revision."""
    if revision.commit is None:
        yield Path()
        return
    with TemporaryDirectory() as folder:
        for path in paths:
            shown = _run("cat-file", "blob", f"{revision.commit}:{path}")
            if shown.returncode == 0:
                (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / path).write_bytes(shown.stdout)
        try:
            yield Path(folder)
        except (BadInput, SystemExit) as error:
            raise BadInput(str(error).replace(f"{folder}/", f"{revision.name}:")) from None


def _named(name: str, experiments: list[tuple[str, str, str]]) -> Revision:
    if name == WORKSPACE:
        return Revision(name, None)
    known = [commit for experiment, commit, _ in experiments if experiment == name]
    found = _run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if not known and found.returncode:
        there = ", ".join(experiment for experiment, *_ in experiments) or "none"
        raise BadInput(f"{name}: no branch, tag, commit or experiment; experiments: {there}")
    return Revision(name, known[-1] if known else found.stdout.decode().strip())


def _experiments() -> list[tuple[str, str, str]]:
    """(name, commit, commit that it started from), the oldest first."""
    lines = _git("for-each-ref", "--sort=creatordate", "--format=%(refname) %(objectname)", "refs/exps").decode()
    found = [(EXPERIMENT.fullmatch(ref), commit) for ref, commit in (line.split() for line in lines.splitlines())]
    return [(match["name"], commit, match["one"] + match["two"]) for match, commit in found if match]


def _is_here(revision: Revision) -> bool:
    """Whether the workspace is this revision, as far as results go."""
    return _run("diff", "--quiet", str(revision.commit), "--", *COMPARED).returncode == 0


def _git(*words: str) -> bytes:
    done = _run(*words)
    if done.returncode:
        raise BadInput(f"git {words[0]}: {' '.join(done.stderr.decode(errors='replace').split())}")
    return done.stdout


def _run(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *words], capture_output=True)
