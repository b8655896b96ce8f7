"""FER2013, 48 x 48 grey: class folders, or the competition's CSV of emotion,pixels,Usage.

Goodfellow et al.: Challenges in representation learning, ICONIP 2013. Folders come as train/public_test/private_test,
as train/test (public and private together) and as train/validation; PublicTest is the validation split and
PrivateTest the test split. The competition itself gave train.csv without Usage, and test.csv without emotion.
"""

from collections.abc import Iterator
from pathlib import Path

from stages.datasets.folders import read_class_folders
from stages.datasets.listing import Folder
from stages.datasets.pixel_tables import choose_tables, class_of, read_table
from stages.datasets.places import choose_base, class_bases, class_names, other_reader
from stages.datasets.sample import DataSet, DataSetError, Note, Sample

CODES = ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Neutral")
LAYOUT = (
    "fer2013.csv, or {train,public_test,private_test}/<class>/<name>.jpg (or train and test, or train and validation)"
)


def read(root: Path) -> Iterator[Sample | Note]:
    """Yields the rows of the tables where there are any, else the files of the class folders.

    Raises DataSetError when there is neither, or when two of them fit equally.
    """
    top = Folder(root)
    bases = class_bases(top, _class_of)
    tables, notes = choose_tables(top)
    if tables:
        yield from notes
        if bases:
            yield Note(f"read {tables[0][0]}, not the class folders in {bases[0].relative or 'the root'}")
        for path, split in tables:
            yield from read_table(root, path, CODES, split)
    elif bases:
        base, more = choose_base(bases)
        yield from [*notes, *more]
        codes = [name for name in class_names(base, _class_of) if name.isdigit()]
        if "0" not in codes and str(len(CODES)) in codes:
            known = ", ".join(f"{code} {name}" for code, name in enumerate(CODES))
            raise DataSetError(
                f"class folders {', '.join(codes)} in {base.path}: FER2013 has the codes {known}; name the folders by"
                " these or by their expressions"
            )
        yield from read_class_folders(root, base.path, _class_of)
    else:
        reasons = "".join(f"; {note.text}" for note in notes)
        raise DataSetError(f"neither fer2013.csv nor a folder train in {root}{reasons}{other_reader(root)}")


def _class_of(name: str) -> str | None:
    return class_of(name, CODES)


DATA_SETS = {
    "fer2013": DataSet(
        title="FER2013",
        read=read,
        root="FER2013_ROOT",
        layout=LAYOUT,
        size=48,
        channels=1,
        flip=True,
        classes=CODES,
        subsets={7: CODES},
        place=10,
    )
}
