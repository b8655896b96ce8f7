"""CK+, the extended Cohn-Kanade set, split by subject: frames of one sequence are all but the same picture.

Lucey et al., CVPR workshops 2010. As widely copied: <class>/S###_<sequence>_<frame>.png, the last three frames of
each labelled sequence. As published: cohn-kanade-images/S###/<sequence>/*.png, Emotion/S###/<sequence>/*_emotion.txt
with a code, and Landmarks/ with 68 points for each frame.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from stages.datasets.folders import read_class_folders
from stages.datasets.sample import DataSet, DataSetError, Sample, expression, first_existing, number, split_of

CODES = ("Neutral", "Anger", "Contempt", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")
# The set's own seven have contempt and no neutral; neutral are only the first frames of the published sequences.
SUBSETS = {7: CODES[1:], 8: CODES}
PEAK_FRAMES = 3
_SUBJECT = re.compile(r"S\d{3}(?=_)")


def read(root: Path) -> Iterator[Sample]:
    """Yields all frames without a split, each with its subject.

    Raises DataSetError when neither of the two layouts is there.
    """
    images = first_existing(root, "cohn-kanade-images")
    if images:
        yield from _read_published(root, images)
        return
    inner = [entry for entry in sorted(root.iterdir()) if entry.is_dir()]
    if any(split_of(folder.name) and _has_classes(folder) for folder in inner):
        base = root  # somebody's splits by image: all are read, and divided anew by subject
    else:
        base = next((folder for folder in [root, *inner] if _has_classes(folder)), None)
    if base is None:
        raise DataSetError(f"neither cohn-kanade-images nor class folders (anger, happy, ...) in {root}")
    for sample in read_class_folders(root, base, expression):
        match = _SUBJECT.match(sample.path.rpartition("/")[2])
        sample.subject, sample.split = match and match[0], None
        if sample.problem is None and match is None:
            sample.problem = "no subject (S###_) in the name"
        yield sample


def _has_classes(folder):
    return any(entry.is_dir() and expression(entry.name) for entry in folder.iterdir())


def _read_published(root, images):
    emotion, landmarks = first_existing(root, "Emotion"), first_existing(root, "Landmarks")
    if emotion is None:
        raise DataSetError(f"no folder Emotion beside {images}")
    for path in sorted(emotion.glob("S*/*/*_emotion.txt")):
        subject, sequence = path.parent.parent.name, path.parent.name
        code = number(path.read_text().strip())
        label = CODES[int(code)] if code in range(len(CODES)) else None
        folder = images / subject / sequence
        frames = sorted(frame.name for frame in folder.glob("*.png")) if folder.is_dir() else []
        for frame in frames[-PEAK_FRAMES:] or [f"{path.name.removesuffix('_emotion.txt')}.png"]:
            problem = ("unknown label code" if label is None else None) if frames else "missing"
            yield _frame(root, folder / frame, label, landmarks, problem)
        if frames[: -2 * PEAK_FRAMES]:
            yield _frame(root, folder / frames[0], "Neutral", landmarks, None)


def _frame(root, path, label, landmarks, problem):
    sequence = path.parent
    points = landmarks and landmarks / sequence.parent.name / sequence.name / f"{path.stem}_landmarks.txt"
    box = _face(points) if points and points.exists() else None
    return Sample(
        path.relative_to(root).as_posix(), label, None, box=box, subject=sequence.parent.name, problem=problem
    )


def _face(points):
    """The box around the 68 landmarks, a quarter higher: they end at the brows."""
    pairs = [tuple(map(float, line.split())) for line in points.read_text().splitlines() if line.strip()]
    left, right = min(x for x, _ in pairs), max(x for x, _ in pairs)
    top, bottom = min(y for _, y in pairs), max(y for _, y in pairs)
    rise = (bottom - top) / 4
    return left, top - rise, right - left, bottom - top + rise


DATA_SETS = {
    "ckplus": DataSet(
        title="CK+",
        read=read,
        root="CKPLUS_ROOT",
        layout="<class>/S###_<sequence>_<frame>.png, or cohn-kanade-images/ with Emotion/ and Landmarks/",
        size=48,
        channels=1,
        flip=True,
        classes=CODES,
        subsets=SUBSETS,
        place=20,
    )
}
