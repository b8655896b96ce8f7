"""CK+, the extended Cohn-Kanade set, split by subject: frames of one sequence are all but the same picture.

Lucey et al., CVPR workshops 2010. As widely copied: <class>/S###_<sequence>_<frame>.png, the last three frames of
each labelled sequence. As published: cohn-kanade-images/S###/<sequence>/*.png, Emotion/S###/<sequence>/*_emotion.txt
with a code, and Landmarks/ with 68 points for each frame. Without persons: ckextended.csv, in FER2013's format.
"""

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath

from stages.datasets.fer2013 import CODES as FER2013_CODES
from stages.datasets.folders import read_class_folders
from stages.datasets.listing import Folder
from stages.datasets.pixel_tables import read_table
from stages.datasets.places import choose, choose_base, class_bases, class_names, find, other_reader
from stages.datasets.sample import DataSet, DataSetError, Note, Sample, expression, number

CODES = ("Neutral", "Anger", "Contempt", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")
# The set's own seven have contempt and no neutral; neutral are only the first frames of the published sequences.
SUBSETS = {7: CODES[1:], 8: CODES}
TABLE_CODES = (*FER2013_CODES, "Contempt")
PEAK_FRAMES = 3
POINTS = 68
LAYOUT = "<class>/S###_<sequence>_<frame>.png, or cohn-kanade-images/ with Emotion/ and Landmarks/, or ckextended.csv"
_SUBJECT = re.compile(r"S\d{3}(?=_)")
_FRAME = re.compile(r"(S\d{3})_(\d{3})_\d+\.(png|jpe?g|tiff?|bmp)", re.IGNORECASE)
_PARTS = ("cohn-kanade-images", "Emotion", "Landmarks")


def read(root: Path) -> Iterator[Sample | Note]:
    """Yields all frames without a split, each with its subject; the rows of a table with the table's splits.

    Raises DataSetError when none of the layouts is there, and where the frames name no subject.
    """
    top = Folder(root)
    parts = {part: find(top, part) for part in _PARTS}
    tables = find(top, "ckextended.csv", "ckextended")
    bases = class_bases(top, expression)
    if parts["cohn-kanade-images"]:
        others = [*tables, *(base.relative or "the class folders" for base in bases)]
        if others:
            yield Note(f"read cohn-kanade-images, not {', '.join(others)}")
        yield from _read_published(root, parts)
    elif bases:
        base, notes = choose_base(bases)
        yield from [*notes, *([Note(f"read the class folders, not {', '.join(tables)}")] if tables else [])]
        yield from _read_folders(root, base)
    elif tables:
        path, more = choose(tables)
        yield from more
        yield Note(f"{path} names no persons: the same may stand in training and test")
        yield from read_table(root, path, TABLE_CODES)
    else:
        raise DataSetError(
            f"neither cohn-kanade-images nor class folders (anger, happy, ...) in {root}{_seen(top)}"
            f"{other_reader(root)}"
        )


def _seen(top: Folder) -> str:
    def numbered(name: str) -> str | None:
        return name if name.isdigit() else None

    for base in class_bases(top, numbered):
        names = ", ".join(class_names(base, numbered))
        return f"; the class folders {names} in {base.path} are numbered, each copy of CK+ in its own way: name them"
    return ""


def _read_folders(root: Path, base: Folder) -> Iterator[Sample | Note]:
    # Somebody's splits by image: all are read, and divided anew by subject.
    items = list(read_class_folders(root, base.path, expression))
    frames = [item for item in items if isinstance(item, Sample) and item.problem is None]
    if splits := sorted({sample.split for sample in frames if sample.split}):
        yield Note(
            f"the splits {', '.join(splits)} of {base.relative or 'the root'} are not used: CK+ is split by subject"
        )
    for sample in frames:
        match = _SUBJECT.match(PurePosixPath(sample.path).name)
        sample.subject, sample.split = match and match[0], None
        if match is None:
            sample.problem = "no subject (S###_) in the name"
    if frames and not any(sample.subject for sample in frames):
        raise DataSetError(
            f"no picture in {base.path} names its subject, S###_<sequence>_<frame>.png, such as {frames[0].path}: by"
            f" subject it cannot be split; as pictures of anybody it is read with dataset: folders and"
            f" FOLDERS_ROOT={base.path}"
        )
    yield from items


def _read_published(root: Path, parts: dict[str, list[str]]) -> Iterator[Sample | Note]:
    images, notes = choose(parts["cohn-kanade-images"])
    yield from notes
    frames = _files(root, images, _FRAME)
    labels, notes = _part(root, parts["Emotion"], "emotion")
    yield from notes
    if not labels:
        raise DataSetError(f"no folder Emotion beside {root / images} with S###/<sequence>/*_emotion.txt")
    landmarks, notes = _part(root, parts["Landmarks"], "landmarks")
    yield from notes
    if parts["Landmarks"] and not landmarks:
        raise DataSetError(
            f"no S###/<sequence>/*_landmarks.txt in {root / parts['Landmarks'][0]}: unpack Landmarks.zip, or remove the"
            " folder to take the pictures whole"
        )
    points = {PurePosixPath(path).name: path for paths in landmarks.values() for path in paths} or None
    if points is None:
        yield Note("no landmarks: the pictures are taken whole, not cropped to the face")
    for sequence, paths in labels.items():
        yield from _read_sequence(root, images, sequence, paths[-1], frames.get(sequence, []), points)
    if more_sequences := len(frames.keys() - labels.keys()):
        yield Note(f"{more_sequences} sequences have no emotion label, as most of the published set")


def _read_sequence(
    root: Path,
    images: str,
    sequence: tuple[str, str],
    emotion: str,
    frames: list[str],
    points: dict[str, str] | None,
) -> Iterator[Sample]:
    """The last frames of a sequence under its label, and its first one as neutral; points are None where unknown."""
    code = number((root / emotion).read_bytes().decode("ascii", "replace").strip())
    label = CODES[int(code)] if code in range(len(CODES)) else None
    if not frames:
        name = f"{PurePosixPath(emotion).name.removesuffix('_emotion.txt')}.png"
        yield Sample(f"{images}/{'/'.join(sequence)}/{name}", label, None, subject=sequence[0], problem="missing")
    for frame in frames[-PEAK_FRAMES:]:
        yield _frame(root, frame, sequence[0], label, points)
    if label and frames[: -2 * PEAK_FRAMES]:
        yield _frame(root, frames[0], sequence[0], "Neutral", points)


def _frame(root: Path, path: str, subject: str, label: str | None, points: dict[str, str] | None) -> Sample:
    sample = Sample(path, label, None, subject=subject, problem=None if label else "unreadable emotion label")
    if points is not None and sample.problem is None:
        file = points.get(f"{PurePosixPath(path).stem}_landmarks.txt")
        sample.box = _face(root / file) if file else None
        if sample.box is None:  # whole pictures among cropped ones would be another kind of picture
            sample.problem = "unreadable landmarks" if file else "no landmarks"
    return sample


def _part(root: Path, places: list[str], kind: str) -> tuple[dict[tuple[str, str], list[str]], list[Note]]:
    """The text files of a kind by sequence: in the folder that is theirs, else wherever they are."""
    name = re.compile(rf"(S\d{{3}})_(\d{{3}})_\d+_{kind}\.txt")
    place, notes = choose(places) if places else ("", [])
    return _files(root, place, name) or _files(root, "", name), notes


def _files(root: Path, folder: str, name: re.Pattern) -> dict[tuple[str, str], list[str]]:
    """{(subject, sequence): paths from the root} of the files below a folder whose whole names match, sorted.

    Raises DataSetError where one of them is there twice.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for inner in Folder(root / folder, folder).walk():
        for file in inner.files:
            if match := name.fullmatch(file):
                found.setdefault((match[1], match[2]), []).append(inner.below(file))
    ordered = {key: sorted(found[key], key=lambda path: PurePosixPath(path).name) for key in sorted(found)}
    for path, following in (pair for paths in ordered.values() for pair in pairwise(paths)):
        if PurePosixPath(path).name == PurePosixPath(following).name:
            raise DataSetError(f"{path} and {following} are of one name in {root}; leave one of them")
    return ordered


def _face(points: Path) -> tuple[float, float, float, float] | None:
    """The box around the 68 landmarks, a quarter higher: they end at the brows. None for a damaged file."""
    values = [number(word) for word in points.read_bytes().decode("ascii", "replace").split()]
    if len(values) != 2 * POINTS or not all(map(math.isfinite, values)):
        return None
    xs, ys = values[::2], values[1::2]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    rise = (bottom - top) / 4
    return left, top - rise, right - left, bottom - top + rise


DATA_SETS = {
    "ckplus": DataSet(
        title="CK+",
        read=read,
        root="CKPLUS_ROOT",
        layout=LAYOUT,
        size=48,
        channels=1,
        flip=True,
        classes=CODES,
        subsets=SUBSETS,
        place=20,
    )
}
