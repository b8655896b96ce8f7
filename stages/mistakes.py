"""What pydantic finds wrong in a file of parameters, in the words of that file: one line per parameter."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from stages.yaml_file import shown


def lines(mistakes: list[ErrorDetails], values: dict[str, Any], known: Callable[[list[str]], list[str]]) -> list[str]:
    """`train.epochs: 0: must be greater than or equal to 1`, one for each parameter.

    values: the file's; known: the names that a section may hold, given the names that lead to it. A union reports each
    branch that it tried, and they are joined by "or".
    """
    found: dict[str, list[str]] = {}
    for mistake in mistakes:
        names = _place(mistake, values)
        found.setdefault(".".join(names), []).append(_what_is_wrong(names, mistake, known))
    # Where a list is right and something in it is wrong, the other branch (a single name) was not meant.
    deepest = {where: parts for where, parts in found.items() if not any(n.startswith(f"{where}.") for n in found)}
    return [f"{_plain(where)}: {' or '.join(dict.fromkeys(parts))}" for where, parts in deepest.items()]


def _place(mistake: ErrorDetails, values: Any) -> list[str]:
    """Where it is in the user's file: the branch of a union ("int", "literal[7,8,'all']") is no part of that."""
    names, part = [], values
    for name in mistake["loc"]:
        inside = name in part if isinstance(part, dict) else isinstance(part, list) and isinstance(name, int)
        if inside:
            part = part[name]
        if inside or (mistake["type"] == "missing" and name == mistake["loc"][-1]):
            names.append(str(name))
    return names


def _plain(text: str) -> str:
    """A name of the user's as it stands in a line, which it may not break."""
    return text if text.isprintable() and len(text) <= 200 else shown(text)


def _what_is_wrong(names: list[str], mistake: ErrorDetails, known: Callable[[list[str]], list[str]]) -> str:
    if mistake["type"] == "missing":
        return "missing"
    if mistake["type"] == "extra_forbidden":
        right = known(names[:-1])
        close = get_close_matches(names[-1][:100], right, n=1)
        return f"no such parameter; {f'did you mean {close[0]}?' if close else 'known here: ' + ', '.join(right)}"
    message = mistake["msg"].removeprefix("Input ").replace("should be", "must be")
    return f"{shown(mistake['input'])}: {message}"
