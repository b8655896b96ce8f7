"""Public functions and methods are annotated, so that the type checker looks into them and a reader need not guess."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path.relative_to(ROOT).as_posix() for part in ("noise", "stages") for path in (ROOT / part).rglob("*.py")
)


def public(body):
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node.body)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def bare(function):
    """What of a function has no type: the names of arguments, and "return"."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    yield from (
        argument.arg for argument in arguments if argument.annotation is None and argument.arg not in ("self", "cls")
    )
    if function.returns is None:
        yield "return"


@pytest.mark.parametrize("file", FILES)
def test_public_functions_are_annotated(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = {f"{function.name}, line {function.lineno}": list(bare(function)) for function in public(tree.body)}
    assert not {name: missing for name, missing in found.items() if missing}
