"""What a stage does of every finished run of a variant, side by side: a file for each, whole or none."""

import argparse
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from stages.ending import this_stage
from stages.files import new_folder
from stages.params import Machine, read
from stages.running.side_by_side import Send, ask, server, side_by_side, slots

ENDS = ("done", "failed", "killed")


class Piece(NamedTuple):
    """A run to be worked on: its folder, the file to write, and the folder for what is kept of the first run alone."""

    run: Path
    file: Path
    first: Path | None


def start(main: Callable[[Path, Path, Path], None], description: str) -> None:
    """Start such a stage by its command line, as `main(runs, crops, out)`."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs of a variant")
    parser.add_argument("--crops", type=Path, default=Path("data/crops"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    this_stage(again="begins anew")
    main(arguments.runs, arguments.crops, arguments.out)


def each_run(
    stage: str,
    runs: Path,
    found: list[Path],
    out: Path,
    preload: str,
    work: Callable[[Machine, Piece, str, Send], None],
) -> None:
    """Do `work(machine, piece, device, send)` for every run that was found below the folder `runs`.

    Writes a folder with a file <seed>.npz for each, at the run's own place below it. `preload` is the module that the
    processes start with. What the work sends as a "note" is printed. Raises SystemExit, with a line for each, where
    there are no runs, or the work on one of them fails; the folder that was there then stays.
    """
    machine = read().machine
    if not found:
        raise SystemExit(f"{stage}: no runs in {runs}; the stage that trains them writes it")
    context = server(preload)
    places = ask(context, slots, machine)
    with new_folder(out) as folder:
        files = [folder / run.relative_to(runs).with_name(f"{run.name}.npz") for run in found]
        first = [folder, *[None] * (len(found) - 1)]
        pieces = [Piece(*piece) for piece in zip(found, files, first)]
        said = []
        with (
            tqdm(desc=f"{stage} {runs.name}", total=len(pieces), unit="run", disable=None, leave=False) as bar,
            closing(side_by_side(context, partial(work, machine), pieces, places)) as messages,
        ):
            for piece, kind, line in messages:
                bar.update(kind in ENDS)
                said += [(kind, _with_its_run(stage, piece, line))] if line else []
        for kind, line in said:
            if kind == "note":
                print(line)
        if failures := [line for kind, line in said if kind in ("failed", "killed")]:
            raise SystemExit("\n".join(failures))


def _with_its_run(stage: str, piece: Piece, line: str) -> str:
    return f"{stage}: {line if str(piece.run) in line else f'{piece.run}: {line}'}"
