"""Writing what a family of figures and tables yields: pairs of a file name and its text or figure."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from stages.files import write_atomically, write_text
from stages.reporting import printing


def write(folder: str | Path, exhibits: Iterable[tuple[str, str | Figure]], svg: str | Path) -> list[Path]:
    """Write each text and figure to its name below the folder, whole or not at all; returns the files.

    A figure's name ends in .png; the same drawing for papers, SVG, goes by that name into the folder `svg`.
    To be called within `style.applied()`. Raises OSError.
    """
    written = []
    for name, content in exhibits:
        path = Path(folder) / name
        if isinstance(content, str):
            write_text(path, content)
        else:
            write_atomically(path, partial(printing.save, content))
            vector = Path(svg) / f"{path.stem}.svg"
            write_atomically(vector, partial(printing.save_svg, content))
            written.append(vector)
        written.append(path)
    return written
