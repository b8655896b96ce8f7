"""The ledger's entries, data/paper/claims.yaml: each is one sentence that can be decided, and what decides it.

`docs/claims.md` says what the fields mean; a claim of one's own is another entry. What an entry says of results that
are not there is no mistake: they may not have been run yet.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args

from pydantic import Field, TypeAdapter, ValidationError

from stages.ledger.claim import Claim
from stages.ledger.comparisons import Equivalence, Noninferiority, Superiority
from stages.ledger.row_sets import CIRCLES, MAIN
from stages.ledger.single_runs import Identity, Level, Share, Spread
from stages.results.inputs import BadInput
from stages.variants import names
from stages.yaml_file import load, shown

_SIDE = re.compile(r"(?P<best>best )?(?P<variant>[\w-]+)(?:\[(?P<values>[^\[\]]+)\])?")


class Side(NamedTuple):
    """What stands on one side of a comparison.

    values: what each named parameter may be, as text. best: of the groups that fit, the one that is best on validation.
    """

    text: str
    variant: str
    values: dict[str, tuple[str, ...]]
    best: bool


Entry = Superiority | Equivalence | Noninferiority | Level | Share | Spread | Identity
KINDS: dict[str, type[Claim]] = {model.model_fields["kind"].annotation.__args__[0]: model for model in get_args(Entry)}
_ENTRIES: TypeAdapter[dict[str, Entry]] = TypeAdapter(dict[str, Annotated[Entry, Field(discriminator="kind")]])


def read_entries(path: str | Path, root: str | Path = ".") -> dict[str, Entry]:
    """The entries of a file by their names, checked against the studies and variants below `root`.

    Raises BadInput with a line for each mistake, and SystemExit where the file is no YAML.
    """
    values = load(path)
    if any(not name.strip() for name in values):
        raise BadInput(f"{path}: an entry without a name; expected one like P02")
    try:
        entries = _ENTRIES.validate_python(values, strict=True)
    except ValidationError as error:
        lines = dict.fromkeys(_line(mistake) for mistake in error.errors(include_url=False))
        raise BadInput("\n".join(f"{path}: {line}" for line in lines)) from None
    lines = [f"{path}: {name}: {wrong}" for name, entry in entries.items() for wrong in _mistakes(entry, Path(root))]
    if lines:
        raise BadInput("\n".join(lines))
    return entries


def side(text: str) -> Side:
    """`variant`, `variant[parameter=value, another=value|value]`, or `best ` before either. Raises ValueError."""
    match = _SIDE.fullmatch(text)
    if not match:
        raise ValueError(f"{shown(text)}: expected a variant, as in periodic[interval=5] or best periodic")
    values: dict[str, tuple[str, ...]] = {}
    for part in (match["values"] or "").split(", ") if match["values"] else ():
        name, equals, allowed = part.partition("=")
        if not name or not equals or not all(allowed.split("|")):
            raise ValueError(f"{shown(text)}: {shown(part)} is no parameter=value")
        values[name] = tuple(allowed.split("|"))
    return Side(text, match["variant"], values, match["best"] is not None)


def sides(entry: Entry) -> list[Side]:
    """Ours, and what it is held against where there is such a side."""
    return [side(text) for text in (entry.ours, entry.against) if text is not None]


def _line(mistake: Any) -> str:
    name, *inside = map(str, mistake["loc"])
    if mistake["type"] in ("union_tag_invalid", "union_tag_not_found"):
        found = mistake["input"].get("kind", "missing") if isinstance(mistake["input"], dict) else "missing"
        return f"{name}.kind: {shown(found)}: expected one of {', '.join(KINDS)}"
    if not inside:
        return f"{name}: {shown(mistake['input'])}: {_must(mistake)}"
    kind, *inside = inside  # by which the fields are chosen
    where = ".".join([name, *inside])
    if mistake["type"] == "one_bound":
        return f"{where}: {mistake['msg']}"
    if mistake["type"] == "missing":
        return f"{where}: missing"
    if mistake["type"] == "extra_forbidden":
        return f"{where}: no such field of the kind {kind}; {_meant(inside[-1], list(KINDS[kind].model_fields))}"
    return f"{where}: {shown(mistake['input'])}: {_must(mistake)}"


def _must(mistake: Any) -> str:
    return mistake["msg"].removeprefix("Input ").replace("should", "must")


def _mistakes(entry: Entry, root: Path) -> Iterator[str]:
    """What no single field shows."""
    for rows in entry.rows:
        if rows not in (MAIN, *CIRCLES) and not (root / "studies" / rows / "dvc.yaml").is_file():
            known = [MAIN, *CIRCLES, *sorted(path.parent.name for path in root.glob("studies/*/dvc.yaml"))]
            yield f"rows: no study {shown(rows)}; {_meant(rows, known)}"
    for text in filter(None, (entry.ours, entry.against)):
        try:
            variant = side(text).variant
        except ValueError as error:
            yield str(error)
            continue
        if not set(entry.rows) <= set(CIRCLES) and variant not in names():
            yield f"no variant {shown(variant)} in stages/variants; {_meant(variant, names())}"


def _meant(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
