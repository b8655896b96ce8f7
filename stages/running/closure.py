"""Which files of the project a file imports, directly and through others: what `deps` in dvc.yaml list, and runs hash.

What decides no bits of a result is left out, so that touching it reruns nothing: the schema of the parameters, which
holds no defaults; writing whole or not at all; `stages.running`; and `__init__` files.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("noise", "stages")
DECIDE_NOTHING = ("stages/params.py", "stages/files.py", "stages/running/")


def closure(entries: Iterable[str]) -> list[str]:
    """The files that decide what the entries (paths of files or folders, from the root) compute, sorted; paths as given."""
    found, waiting = set(), [file for entry in entries for file in _files(entry)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imports(file)
    return sorted(found)


def digest(entries: Iterable[str]) -> str:
    """A hash of the content of the closure: another version of the code is another configuration."""
    content = hashlib.sha256()
    for file in closure(entries):
        content.update(f"{file}\0".encode() + (ROOT / file).read_bytes())
    return content.hexdigest()


def _files(entry: str) -> Iterator[str]:
    path = ROOT / entry
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    yield from filter(_decides, (file.relative_to(ROOT).as_posix() for file in files))


def _decides(file: str) -> bool:
    return not file.endswith("/__init__.py") and not file.startswith(DECIDE_NOTHING)


@lru_cache
def _imports(file: str) -> tuple[str, ...]:
    """The project's files that a file names in its imports, but for those that only a type checker sees."""
    modules = []
    for node in _statements(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # `from package import name`: the name is a module, or something inside the package's own file.
            modules += [f"{node.module}.{alias.name}" for alias in node.names] + [node.module or ""]
    files = (f"{module.replace('.', '/')}.py" for module in modules if module.split(".")[0] in PACKAGES)
    return tuple(file for file in dict.fromkeys(files) if (ROOT / file).is_file() and _decides(file))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and getattr(child.test, "id", None) == "TYPE_CHECKING"):
            yield child
            yield from _statements(child)
