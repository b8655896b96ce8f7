"""The columns of a list of pictures, by the names that people give them, and what a row of them says."""

import math
from collections.abc import Collection, Mapping

from stages.datasets.labels import NO_LABEL, is_missing
from stages.datasets.lists import Row, text
from stages.datasets.sample import WORDS, DataSetError, Sample, number, split_of

NEEDED = ("path", "label")
FIELDS = {
    "path": {
        "image", "img", "file", "filename", "file_name", "file name", "filepath", "filepaths", "file_path", "file path",
        "image_path", "image path", "imagepath", "img_path", "image_name", "image name", "imagename", "img_name",
        "image_file", "image_id", "pth", "picture", "photo", "fname", "relative_path", "subdirectory_filepath",
    },
    "label": {
        "labels", "class", "classes", "class_name", "classname", "class name", "label_name", "emotion", "emotions",
        "expression", "category", "target", "emotion_label", "image_label",
    },
    "split": {"usage", "set", "subset", "partition", "phase", "data set", "data_set", "split_name", "mode"},
    "subject": {"subject_id", "subject id", "person", "person_id", "participant", "identity", "actor", "speaker"},
    "valence": set(),
    "arousal": set(),
    "box": {"bbox", "bounding_box", "boundingbox", "bounding box", "face_box", "facebox", "face box", "roi"},
    "x": {"left", "xmin", "x_min", "x1", "face_x", "bbox_x", "bbox_x1", "box_x", "roi.x1"},
    "y": {"top", "ymin", "y_min", "y1", "face_y", "bbox_y", "bbox_y1", "box_y", "roi.y1"},
    "width": {"w", "face_width", "bbox_width", "bbox_w", "box_w", "box_width"},
    "height": {"h", "face_height", "bbox_height", "bbox_h", "box_h", "box_height"},
    "right": {"xmax", "x_max", "x2", "bbox_x2", "roi.x2"},
    "bottom": {"ymax", "y_max", "y2", "bbox_y2", "roi.y2"},
}  # fmt: skip
_AFFECT = ("valence", "arousal")
_SIDES, _CORNERS = ("x", "y", "width", "height"), ("x", "y", "right", "bottom")


def used(columns: Collection[str]) -> set[str]:
    """The fields that say something: valence goes with arousal, and a box is one column or four."""
    boxes = next((names for names in (("box",), _CORNERS, _SIDES) if set(names) <= set(columns)), ())
    affect = _AFFECT if set(_AFFECT) <= set(columns) else ()
    return {field for field in columns if field in ("path", "label", "split", "subject", *boxes, *affect)}


def sample_of(row: Row, where: str, columns: Collection[str], split: str | None) -> Sample:
    """The sample of a row of the list `where`, which is of a split or None; its path is as written.

    Raises DataSetError for a word in the column of splits that is none of theirs.
    """
    if row.problem:
        return Sample(f"{where}#{row.line}", None, split, problem=row.problem)
    cells = {field: row.cells[field] for field in columns}
    label = text(cells["label"])
    box, problem = _box(cells)
    if not label or is_missing(label):
        problem = f"{NO_LABEL} ({label!r})" if label else NO_LABEL
    subject = text(cells.get("subject", ""))
    return Sample(
        cells["path"],
        label or None,
        _split(cells.get("split", ""), row.line, where) or split,
        box=box,
        subject=None if is_missing(subject) else subject or None,
        affect=(number(cells["valence"]), number(cells["arousal"])) if "valence" in cells else None,
        problem=problem,
    )


def _split(cell: str, line: int, where: str) -> str | None:
    if not cell or is_missing(cell):
        return None
    if split_of(cell) is None:
        raise DataSetError(f"{where}, line {line}: the split {text(cell)!r} is none of {WORDS}")
    return split_of(cell)


def _box(cells: Mapping[str, str]) -> tuple[tuple[float, float, float, float] | None, str | None]:
    """(box, problem): an empty cell means the whole picture, as a missing column does."""
    names = _CORNERS if "right" in cells else _SIDES
    written = cells["box"] if "box" in cells else " ".join(cells.get(name, "") for name in names)
    parts = written.translate(str.maketrans(",;[](){}'\"", " " * 10)).split()
    if not parts:
        return None, None
    values = [number(part) for part in parts]
    if len(values) != 4 or not all(map(math.isfinite, values)):
        return None, "box is not four numbers"
    x, y, width, height = values
    if "right" in cells and "box" not in cells:
        width, height = width - x, height - y
    if 0 < width <= 1 and 0 < height <= 1:
        return None, "box is no larger than a pixel: pixels are expected, not shares"
    return (x, y, width, height), None
