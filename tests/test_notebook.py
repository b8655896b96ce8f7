"""The notebook of docs/examples: its cells run, whose assertions hold what its text says, and it is what they make."""

import ast
import base64
import copy
import re

from tests import notebook

PACKAGES = {"noise", "torch", "torchvision", "sklearn", "matplotlib"}


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def said(cell):
    """What a cell has printed, and the kinds of what it shows: pictures may differ in their bytes."""
    kinds = ((output.output_type, *sorted(output.get("data", {}))) for output in cell.outputs)
    return [output.get("text", kind) for output, kind in zip(cell.outputs, kinds)]


def test_it_runs_and_says_what_is_committed():
    committed = notebook.read()
    made = copy.deepcopy(committed)
    notebook.run(made)
    assert [said(cell) for cell in code(made)] == [said(cell) for cell in code(committed)], (
        "write it anew: python -m tests.notebook"
    )
    assert not [output for cell in code(made) for output in cell.outputs if output.get("name") == "stderr"]


def test_it_was_run_from_its_first_cell_to_its_last_and_shows_its_pictures():
    read = notebook.read()
    assert [cell.execution_count for cell in code(read)] == list(range(1, 1 + len(code(read))))
    outputs = [output for cell in code(read) for output in cell.outputs]
    pictures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    assert notebook.PATH.stat().st_size < 300_000


def test_it_imports_what_its_reader_has():
    source = "\n".join(cell.source for cell in code(notebook.read()))
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.partition(".")[0])
    assert "noise" in found and found <= PACKAGES


def test_it_names_no_machine():
    read = notebook.read()
    texts = [cell.source for cell in read.cells] + [str(line) for cell in code(read) for line in said(cell)]
    assert not re.search(r"(?<![\w./)])(/|[A-Z]:\\)\w+[/\\]", "\n".join(texts))
    assert read.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert not any(cell.metadata for cell in read.cells)


def test_its_text_is_wrapped_and_its_links_lead_somewhere():
    text = "\n".join(cell.source for cell in notebook.read().cells if cell.cell_type == "markdown")
    assert max(map(len, text.splitlines())) <= 120
    linked = re.findall(r"\]\(([^)#]+)", text)
    assert linked and all((notebook.PATH.parent / path).is_file() for path in linked)
