"""Stage pictures: what is drawn from pixels, or with the method itself, so that the report needs neither.

Writes reports/pictures/:
contact-sheet.png                           images of each class, as the networks see them
figure-01-relu-and-cliff-relu.png           Figure 1 of the paper
figure-02-process-on-feature-maps.png       Figure 2 of the paper, on what the first BatchNorm gives for one test image
data.json                                   the summary of the crops
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from stages.crops.store import open_crops
from stages.params import read
from stages.reporting import activation, contact_sheet, exhibits, process, style


def main(crops: str, features: str, out: str, params: str) -> None:
    with style.applied():
        written = exhibits.write(out, pictures(crops, features, params))
    print(f"{len(written)} files in {out}/")


def pictures(folder: str | Path, features: str | Path, params: str | Path) -> Iterator[tuple[str, str | Figure]]:
    """Yield (file name, figure or text) of the crops in a folder, features in a file and `dynamic` of the params."""
    crops, dynamic = open_crops(folder), read(params).dynamic
    yield "data.json", json.dumps(crops.summary, indent=1, ensure_ascii=False) + "\n"
    examples = crops.examples("train", per_class=contact_sheet.ACROSS)
    yield "contact-sheet.png", contact_sheet.draw(examples, crops.summary["classes"])
    yield from activation.figures(dynamic.constant)
    w = process.W if dynamic.start == "auto" else dynamic.start
    yield from process.figures(features, w, dynamic.constant)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", default="data/crops", help="the store of the crops")
    parser.add_argument(
        "--features",
        default="runs/predictions/baseline/features.npz",
        help="what stage evaluate keeps of a variant's first run",
    )
    parser.add_argument("--out", default="reports/pictures")
    parser.add_argument("--params", default="params.yaml")
    main(**vars(parser.parse_args()))
