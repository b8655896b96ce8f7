"""What a reader yields, and what the row of a set says of it."""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stages.ending import Mistake, reason

# The paper's seven, in AffectNet's order of codes, and the eighth of later sets.
SEVEN = ("Neutral", "Happiness", "Sadness", "Surprise", "Fear", "Disgust", "Anger")
EIGHT = (*SEVEN, "Contempt")
EXPRESSIONS = {7: SEVEN, 8: EIGHT}  # what `classes: 7` and `classes: 8` mean to a set of expressions

# The spellings that published copies use for folders and columns; one name for a class makes sets comparable.
_SPELLINGS = {
    "neutral": "Neutral", "neutrality": "Neutral", "happy": "Happiness", "happiness": "Happiness",
    "happyness": "Happiness", "sad": "Sadness", "sadness": "Sadness", "sadnes": "Sadness", "surprise": "Surprise",
    "surprised": "Surprise", "suprise": "Surprise", "surprize": "Surprise", "fear": "Fear", "fearful": "Fear",
    "afraid": "Fear", "scared": "Fear", "disgust": "Disgust", "disgusted": "Disgust", "anger": "Anger",
    "angry": "Anger", "contempt": "Contempt", "contemptuous": "Contempt",
}  # fmt: skip
_SPLITS = {
    "train": "train", "training": "train", "trn": "train",
    "val": "val", "valid": "val", "validation": "val", "validate": "val", "dev": "val", "devel": "val",
    "development": "val", "eval": "val", "evaluation": "val", "publictest": "val",
    "test": "test", "testing": "test", "tst": "test", "privatetest": "test",
}  # fmt: skip
# Such a word may be adorned: val2017, train_images, Test Data Set.
_ADORNMENT = r"(?:sets?|images?|imgs?|pictures|photos|data|splits?|(?:19|20)\d\d)*"
_SPLIT = re.compile(f"{_ADORNMENT}({'|'.join(_SPLITS)}){_ADORNMENT}")
WORDS = "train, val or test, also as training, valid, dev, eval, test_set and the like"

NO_PICTURE = frozenset({"not a picture file"})  # problems of things that are no pictures: nothing failed there


class DataSetError(Mistake):
    """A set that cannot be read as it stands. The message is one line: what is wrong, where, what is expected there."""

    def __init__(self, message: str):
        super().__init__(message.replace("\n", "\\n").replace("\r", "\\r"))  # names of files may hold what they like


@dataclass(slots=True)
class Sample:
    """One labelled picture as its data set lists it; nothing of it has been decoded yet.

    path is relative to the set's root, with `#row` appended for a picture that lies in a row of a file; pixels are
    that picture, uint8 (H, W) or (H, W, 3), or a function that can be pickled and gives it when it is cropped. box is
    (x, y, width, height) in pixels of the upright picture, None for all of it. split None leaves the split to
    `divide`. soft is a distribution over the set's classes; affect is (valence, arousal), each -1 to 1 or NaN. A
    sample with a problem is not decoded: it is counted and listed under that reason.
    """

    path: str
    label: str | None
    split: str | None
    box: tuple[float, float, float, float] | None = None
    pixels: np.ndarray | Callable[[], np.ndarray] | None = None
    subject: str | None = None
    soft: tuple[float, ...] | None = None
    affect: tuple[float, float] | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader wants said of the copy that it reads, one line: what it found and does not use, what it took."""

    text: str


@dataclass(frozen=True)
class DataSet:
    """A row of the table: where a set comes from, how it is read, and the defaults that suit it.

    read(root) yields samples and notes, and raises DataSetError when the layout is not there. root is the name of the
    environment variable that holds the set's folder, or a folder of the pipeline; layout is what is expected there, for
    messages. size is the side of a crop in pixels, channels 1 or 3; flip says whether a mirrored picture is still of
    its class. classes are in the order of the official codes; None takes the names found, sorted. subsets says what
    `classes: 7` and `classes: 8` mean; without an entry the number is taken as "all". mean_std of the values in 0..1,
    per channel; None measures them on the training crops. place is where the set stands in a list of all, smaller
    numbers first.
    """

    title: str
    read: Callable[[Path], Iterator[Sample | Note]]
    root: str
    layout: str
    size: int
    channels: int
    flip: bool
    classes: tuple[str, ...] | None = None
    subsets: dict[int, tuple[str, ...]] = field(default_factory=dict)
    mean_std: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    place: int = 50

    @property
    def external(self) -> bool:
        """Whether root is the name of an environment variable, and not a folder of the pipeline."""
        return "/" not in self.root

    @property
    def unset(self) -> str:
        """What to say where the environment variable is needed and not set."""
        return f"{self.root} is not set; it must name the folder of {self.title}: {self.layout}"

    def samples(self, root: Path) -> Iterator[Sample | Note]:
        """What the reader yields.

        Raises DataSetError for every mistake that a copy of the set can have; it ends with the layout expected.
        """
        try:
            yield from self.read(root)
        except (DataSetError, OSError, UnicodeDecodeError, csv.Error) as error:
            what = reason(error) if isinstance(error, OSError) else error
            raise DataSetError(f"{self.title}: {what}; expected {self.layout}") from None


def expression(name: str) -> str | None:
    """The class for a published spelling of an expression ("happy", "4_Happy": "Happiness"); None for other words."""
    return _SPELLINGS.get("".join(letter for letter in name.lower() if letter.isalpha()))


def split_of(name: str) -> str | None:
    """train, val or test for one of the words for it ("PublicTest", "val2017", "Valid Set"); None for any other.

    Case does not matter, nor do blanks and signs, nor "set", "images", "data", "split" or a year before it or after.
    """
    word = _SPLIT.fullmatch("".join(letter for letter in name.lower() if letter.isalnum()))
    return _SPLITS[word[1]] if word else None


def number(cell: str) -> float:
    """A CSV cell as a float, NaN where it is empty or NULL or no number."""
    try:
        return float(cell)
    except ValueError:
        return float("nan")
