"""The data sets: one reader each, and the table of what suits each of them by default.

Another set is one file with a `read` and one row here. The root of a set that does not come with the program is the value of the
environment variable in its row. `flip` says whether a mirrored image is still of its class.
"""

import os
from difflib import get_close_matches
from pathlib import Path

from stages.datasets import affectnet2017, affectnet2021, cars, cifar10, ckplus, fer2013, ferplus, folders, rafdb, table
from stages.datasets.sample import EIGHT, SEVEN, DataSet, DataSetError, Sample

__all__ = ["SETS", "DataSet", "DataSetError", "Sample", "choose_classes", "find", "root_of"]

EXPRESSIONS = {7: SEVEN, 8: EIGHT}
AFFECTNET_2017 = "Manually_Annotated_Images/<n>/<hash>.jpg with training.csv and validation.csv (or in Manually_Annotated_file_lists/)"
AUTOMATIC = "Automatically_Annotated_Images/<n>/<hash>.jpg with automatically_annotated.csv (or in Automatically_annotated_file_list/)"
AFFECTNET_2021 = "{train,val}_set/images/<id>.jpg and {train,val}_set/annotations/<id>_exp.npy"
FER2013 = (
    "fer2013.csv, or {train,public_test,private_test}/<class>/<name>.jpg (or train and test, or train and validation)"
)
FERPLUS = "fer2013.csv and fer2013new.csv"
RAFDB = "EmoLabel/list_patition_label.txt with Image/aligned/<name>_aligned.jpg, or {train,test}/<1 to 7>/<name>.jpg"
CKPLUS = "<class>/S###_<sequence>_<frame>.png, or cohn-kanade-images/ with Emotion/ and Landmarks/"
CARS = "stanford_cars/{cars_train/, cars_test/, cars_test_annos_withlabels.mat, devkit/cars_train_annos.mat, devkit/cars_meta.mat}"
FOLDERS = "<split>/<class>/<name>.jpg, or <class>/<name>.jpg"
TABLE = (
    "one CSV, or labels.csv among several, with the columns path,label[,box][,split]; paths are relative to the folder"
)

# fmt: off
SETS = {
    "faces": DataSet("Drawn faces", affectnet2017.read_manual, "data/raw/faces", AFFECTNET_2017,
                     size=48, channels=3, flip=True, classes=EIGHT, subsets=EXPRESSIONS),
    "affectnet2017": DataSet("AffectNet (2017, manual)", affectnet2017.read_manual, "AFFECTNET_ROOT", AFFECTNET_2017,
                             size=112, channels=3, flip=True, classes=EIGHT, subsets=EXPRESSIONS),
    "affectnet2017-automatic": DataSet("AffectNet (2017, automatic)", affectnet2017.read_automatic, "AFFECTNET_ROOT", AUTOMATIC,
                                       size=112, channels=3, flip=True, classes=EIGHT, subsets=EXPRESSIONS),
    "affectnet2021": DataSet("AffectNet (2021)", affectnet2021.read, "AFFECTNET_ROOT", AFFECTNET_2021,
                             size=112, channels=3, flip=True, classes=EIGHT, subsets=EXPRESSIONS),
    "fer2013": DataSet("FER2013", fer2013.read, "FER2013_ROOT", FER2013,
                       size=48, channels=1, flip=True, classes=fer2013.CODES, subsets={7: fer2013.CODES}),
    "ferplus": DataSet("FERPlus", ferplus.read, "FERPLUS_ROOT", FERPLUS,
                       size=48, channels=1, flip=True, classes=ferplus.CODES, subsets=EXPRESSIONS),
    "rafdb": DataSet("RAF-DB", rafdb.read, "RAFDB_ROOT", RAFDB,
                     size=100, channels=3, flip=True, classes=rafdb.CODES, subsets={7: rafdb.CODES}),
    "ckplus": DataSet("CK+", ckplus.read, "CKPLUS_ROOT", CKPLUS,
                      size=48, channels=1, flip=True, classes=ckplus.CODES, subsets=ckplus.SUBSETS),
    "cifar10": DataSet("CIFAR-10", cifar10.read, "CIFAR10_ROOT", "cifar-10-batches-py/",
                       size=32, channels=3, flip=True, classes=cifar10.CODES, mean_std=cifar10.MEAN_STD),
    "cars": DataSet("Stanford Cars", cars.read, "CARS_ROOT", CARS,
                    size=224, channels=3, flip=True),
    "folders": DataSet("Class folders", folders.read, "FOLDERS_ROOT", FOLDERS,
                       size=112, channels=3, flip=True),
    "csv": DataSet("CSV of pictures", table.read, "CSV_ROOT", TABLE,
                   size=112, channels=3, flip=True),
}
# fmt: on


def find(name):
    """The row of a data set. Raises DataSetError for an unknown name."""
    if name not in SETS:
        close = get_close_matches(name, SETS, n=1)
        raise DataSetError(
            f"no data set {name!r}; {f'did you mean {close[0]}?' if close else 'there are ' + ', '.join(SETS)}"
        )
    return SETS[name]


def root_of(name):
    """The folder of a data set, None when it is an external set whose environment variable is unset.

    Raises DataSetError when the variable names no folder.
    """
    dataset = find(name)
    if not dataset.external:
        root, named = Path(dataset.root), "run the stage `faces` first"
    elif os.environ.get(dataset.root):
        root, named = (
            Path(os.environ[dataset.root]).expanduser(),
            f"{dataset.root} must name the folder that holds {dataset.layout}",
        )
    else:
        return None
    if not root.is_dir():
        raise DataSetError(f"{name}: {root} is no folder; {named}")
    return root


def choose_classes(dataset, wanted, found):
    """The class names of a run, in label order.

    wanted is 7, 8, "all" or a list of names (the parameter `data.classes`); found are the names that the reader came across, which
    are the classes of a set that has no fixed ones. Raises DataSetError for a name that the set does not have.
    """
    everything = dataset.classes or tuple(sorted(found))
    if wanted == "all":
        return everything
    if isinstance(wanted, int):
        return dataset.subsets.get(wanted, everything)
    known = {*everything, *found}
    for name in wanted:
        if name not in known:
            raise DataSetError(f"{dataset.title} has no class {name!r}; it has {', '.join(sorted(known))}")
    if len(set(wanted)) < len(wanted):
        raise DataSetError(f"classes: {wanted} names a class twice")
    return tuple(wanted)
