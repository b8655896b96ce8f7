"""A finished run as it lies in a folder."""

import json

from stages.running import kept, one_run
from stages.running.checkpoints import Checkpoints
from stages.running.configuration import configuration

FILES = ["best.pt", "curves.csv", "in_force.csv", "last.pt", "record.json"]


def read(folder):
    return json.loads((folder / "record.json").read_text())


def contents(folder):
    return {name: (folder / name).read_bytes() for name in sorted(path.name for path in folder.iterdir())}


def kept_folder(job):
    return kept.folder_of(Checkpoints(configuration(*one_run.made(job, "cpu"))).hash)
