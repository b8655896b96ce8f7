"""Which files of the project a file imports, directly and through others: what `deps` in dvc.yaml list, and runs hash.

What decides no bits of a result is left out, so that touching it reruns nothing: the schema of the parameters, which
holds no defaults; writing whole or not at all; locks; what is said at the end; `stages.running`; and `__init__` files,
through which names are followed to where they are defined.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("noise", "stages")
DECIDE_NOTHING = (
    "stages/params.py",
    "stages/mistakes.py",
    "stages/yaml_file.py",
    "stages/files.py",
    "stages/ending.py",
    "stages/interruptions.py",
    "stages/locks.py",
    "stages/crops/sound.py",
    "stages/running/",
)


def closure(entries: Iterable[str]) -> list[str]:
    """The files that decide what the entries (paths of files or folders, from the root) compute: sorted paths."""
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


@cache
def _imports(file: str) -> tuple[str, ...]:
    """The project's files that a file names in its imports, but for those that only a type checker sees."""
    found = []
    for node in _statements(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            named = [_module(file, node)]
            found += [_home(named[0], alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
            found += [file for module in named for file in _whole(module)]
        else:
            continue
        if "pkgutil" in named:  # the file collects the modules of its own package
            found += _files(str(Path(file).parent))
    return tuple(name for name in dict.fromkeys(found) if name and _decides(name))


def _whole(module: str) -> list[str]:
    """The file of a module, or all files of a package: which of them are used, `import package` does not say."""
    folder = module.replace(".", "/")
    package = module.split(".")[0] in PACKAGES and (ROOT / folder / "__init__.py").is_file()
    return list(_files(folder)) if package else [file for file in [_file(module)] if file]


def _home(module: str, name: str) -> str | None:
    """The file behind `from module import name`: a module, the module itself, or what its `__init__` re-exports."""
    if own := _file(f"{module}.{name}") or _file(module):
        return own
    init = ROOT / module.replace(".", "/") / "__init__.py"
    if module.split(".")[0] not in PACKAGES or not init.is_file():
        return None
    for node in ast.parse(init.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return _home(_module(f"{module.replace('.', '/')}/__init__.py", node), name)
    return None


def _module(file: str, node: ast.ImportFrom) -> str:
    """What is imported from; one leading dot is the file's own package, two the one around it."""
    if not node.level:
        return node.module or ""
    package = file.split("/")[: -node.level]
    return ".".join([*package, *filter(None, [node.module])])


def _file(module: str) -> str | None:
    name = f"{module.replace('.', '/')}.py"
    return name if module.split(".")[0] in PACKAGES and (ROOT / name).is_file() else None


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and getattr(child.test, "id", None) == "TYPE_CHECKING":
            child = ast.Module(child.orelse, [])
        yield child
        yield from _statements(child)
