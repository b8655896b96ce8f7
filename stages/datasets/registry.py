"""The data sets by name, and where each of them lies.

A module of this package that reads a set declares it beside its reader, as `DATA_SETS = {name: DataSet(...)}`. The
table is collected from all of them, so that another set is one more file.
"""

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from stages.datasets.sample import DataSet, DataSetError


def collect(package: ModuleType) -> dict[str, DataSet]:
    """The rows that the package's modules declare, by name: in the order of their places, then of their modules' names.

    Imports every module of the package. Raises ValueError for a name that two modules declare.
    """
    modules = [import_module(f"{package.__name__}.{found.name}") for found in iter_modules(package.__path__)]
    rows = [
        (dataset.place, module.__name__, name, dataset)
        for module in modules
        for name, dataset in getattr(module, "DATA_SETS", {}).items()
    ]
    sets: dict[str, DataSet] = {}
    declared_in: dict[str, str] = {}
    for _, module_name, name, dataset in sorted(rows, key=lambda row: row[:2]):
        if name in sets:
            raise ValueError(f"data set {name!r} is declared by {declared_in[name]} and by {module_name}")
        sets[name], declared_in[name] = dataset, module_name
    return sets


SETS = collect(sys.modules[__package__])


def find(name: str) -> DataSet:
    """The row of a data set. Raises DataSetError for an unknown name."""
    if name not in SETS:
        close = get_close_matches(name, SETS, n=1)
        known = f"did you mean {close[0]}?" if close else f"there are {', '.join(SETS)}"
        raise DataSetError(f"no data set {name!r}; {known}")
    return SETS[name]


def root_of(name: str) -> Path | None:
    """The folder of a data set, None when it is an external set whose environment variable is unset.

    Raises DataSetError when there is no such folder.
    """
    dataset = find(name)
    if not dataset.external:
        root, cure = Path(dataset.root), "run the stage `faces` first"
    elif os.environ.get(dataset.root):
        root = Path(os.environ[dataset.root]).expanduser()
        cure = f"{dataset.root} must name the folder that holds {dataset.layout}"
    else:
        return None
    if not root.is_dir():
        packed = "unpack it first; " if root.is_file() else ""
        raise DataSetError(f"{name}: {root} is no folder; {packed}{cure}")
    return root
