"""Parameters under their dotted names, as text: what is compared, printed and shown of them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.yaml_file import load

MACHINE = "machine"  # the section that decides nothing


def deciding(path: Path) -> dict[str, str]:
    """`{dotted name: value}` of all that decides results in a file of parameters. Raises SystemExit as `load`."""
    return dict(_flat({name: value for name, value in load(path).items() if name != MACHINE}))


def differing(every: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The names whose values are not the same in all of the mappings, in the order in which they come up."""
    names = dict.fromkeys(name for values in every.values() for name in values)
    return [name for name in names if len({values.get(name) for values in every.values()}) > 1]


def _flat(values: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{section}{name}.")
        else:
            yield section + name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
