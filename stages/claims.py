"""Stage claims: a verdict on every sentence of the paper and the tutorial, from committed tables alone.

Reads data/paper/claims.yaml, and below reports/ the tables of the default run, circles/ and studies/<name>/ as far as
they are there. Writes claims.csv, whose columns `stages.ledger.lines` describes, and claims.md.
"""

from collections import Counter
from pathlib import Path

from stages.files import write_text
from stages.ledger import page
from stages.ledger.entries import read_entries
from stages.ledger.lines import COLUMNS, lines
from stages.results.cells import write_table

ENTRIES, REPORTS = Path("data/paper/claims.yaml"), Path("reports")


def main() -> None:
    """Decide every entry. Raises BadInput, a line for each mistake in the entries, or for damaged tables."""
    decided = lines(read_entries(ENTRIES))
    write_table(REPORTS / "claims.csv", decided, list(COLUMNS))
    write_text(REPORTS / "claims.md", page.write(decided))
    counts = Counter(decided["verdict"])
    print(f"{REPORTS / 'claims.md'}: {len(decided)} verdicts")
    print(", ".join(f"{counts[verdict]} {verdict}" for verdict in page.VERDICTS))


if __name__ == "__main__":
    main()
