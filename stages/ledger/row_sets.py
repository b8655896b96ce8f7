"""The sets of runs that sentences are held against, and what they are called. All others are those of a study."""

MAIN, REPEATED = "reports", "again"  # the default run, and the study that is the same by other seeds
CIRCLES = {"circles-seeds": "seeds", "circles-draws": "draws"}  # and the column `over` of reports/circles/runs.csv
TITLES = {
    MAIN: "default run",
    REPEATED: "default run, other seeds",
    "circles-seeds": "circles, its own points",
    "circles-draws": "circles, other points",
}
SHORT = {REPEATED: "other seeds", "fer2013": "FER2013"}  # where the data set of the default run has its title


def title(rows: str) -> str:
    """What a set of runs is called."""
    return TITLES.get(rows, f"study {rows}")
