"""The data sets: one reader each, with the row of what suits it by default (see `registry`)."""

from stages.datasets.division import choose_classes
from stages.datasets.registry import SETS, find, root_of
from stages.datasets.sample import DataSet, DataSetError, Note, Sample

__all__ = ["SETS", "DataSet", "DataSetError", "Note", "Sample", "choose_classes", "find", "root_of"]
