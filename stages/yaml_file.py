"""A file of parameters as plain values, whatever stands in it: YAML 1.2, and one line for what is none.

ruamel.yaml reads it, because `dvc exp run -S train.learning_rate=0.00001` writes `1e-05`, which readers of YAML 1.1
(PyYAML) take for a string.
"""

from collections.abc import Iterator
from pathlib import Path
from reprlib import Repr
from typing import Any

from ruamel.yaml import YAML

from stages.ending import reason

DEEPEST, MOST, LARGEST_BITS = 20, 100_000, 64  # levels and values: a few lines of aliases can be more than fit anywhere
_short = Repr()
_short.maxstring = _short.maxother = 80
_short.maxlist = 10


def load(path: str | Path) -> dict[str, Any]:
    """The mapping in a file. Raises SystemExit with one line, which names the file and, in it, the place."""
    try:
        values = YAML(typ="safe", pure=True).load(Path(path))
    except OSError as error:
        cure = "; run from the root of the repository" if isinstance(error, FileNotFoundError) else ""
        raise SystemExit(f"{path}: {reason(error).removeprefix(f'{path}: ')}{cure}") from None
    except RecursionError:
        raise SystemExit(f"{path}: not YAML that can be read: nested too deeply") from None
    except Exception as error:  # beside its own errors, ruamel.yaml lets through those of int(), date(), codecs, ...
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        what = str(getattr(error, "problem", None) or error) or type(error).__name__
        raise SystemExit(f"{path}:{where} not YAML: {' '.join(what.split())[:300]}") from None
    if not isinstance(values, dict):
        raise SystemExit(f"{path}: expected a mapping of parameters, got {type(values).__name__}")
    if mistake := next(_not_plain(values), None):
        raise SystemExit(f"{path}: {mistake}")
    return values


def shown(value: Any) -> str:
    """A value as it stands in a line: in one line, and not longer than can be read."""
    return _short.repr(value)


def _not_plain(values: dict) -> Iterator[str]:
    """What no schema need look at: names that are no text, and more, deeper or larger values than any parameter has."""
    waiting: list[tuple[tuple[Any, ...], Any]] = [((), values)]
    seen = 0
    while waiting:
        place, part = waiting.pop()
        where = ".".join(str(name)[:40] for name in place[:3]).encode("unicode_escape").decode()
        if isinstance(part, int) and part.bit_length() > LARGEST_BITS:
            yield f"{where}: a whole number beyond all that a parameter can be"
        pairs = list(part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ())
        for name, value in pairs:
            if isinstance(part, dict) and not isinstance(name, str):
                yield f"{where + '.' if where else ''}{shown(name)}: a name must be text, not {type(name).__name__}"
            waiting.append(((*place, name), value))
        seen += len(pairs)
        if seen > MOST or len(place) > DEEPEST:
            yield f"{where}: more values, or deeper ones, than a file of parameters can have"
            return
