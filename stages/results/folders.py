"""Where the finished runs of a variant lie."""

from pathlib import Path


def finished_in(runs: Path) -> list[Path]:
    """The folders of the finished runs below a variant's folder, sorted.

    What a killed process had moved aside, or was about to put in place (`stages.files`), begins with a dot and is none.
    """
    found = (record.parent for record in runs.rglob("record.json"))
    return sorted(run for run in found if not any(part.startswith(".") for part in run.relative_to(runs).parts))
