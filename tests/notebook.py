"""The notebook of docs/examples, run from its first cell to its last: `python -m tests.notebook` writes it anew."""

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

from stages.files import write_text

ROOT = Path(__file__).parents[1]
PATH = ROOT / "docs/examples/noise.ipynb"


def read() -> NotebookNode:
    """The cells and their outputs, as they stand in the file."""
    return nbformat.read(PATH, as_version=4)


def run(notebook: NotebookNode) -> None:
    """Run the cells in a kernel of their own, where their outputs then stand. Raises CellExecutionError, with the cell
    and its traceback, at the first that fails."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    config = Config({"KernelManager": {"transport": "ipc"}})  # no port, of which the kernel would warn
    NotebookClient(notebook, timeout=60, record_timing=False, config=config).execute(env=environment)
    notebook.metadata.language_info = {"name": "python"}  # as it was: no version of the Python that happened to run it


if __name__ == "__main__":
    made = read()
    run(made)
    write_text(PATH, nbformat.writes(made) + "\n")
