"""Stage model: of all runs the one that is best on validation, as a plain network for whoever has no use for `noise`.

Test has no part in the choice. Writes model/, which dvc.yaml declares as an artifact:
weights.pt   its best weights as a state dict of the architecture as torchvision, or timm, has it: the signs in force
             are folded into BatchNorm (`noise.fold`)
model.json   how to load it, and what to expect of it:
             weights, library, network, stem; input {size, channels, values, mean, std} of a picture, in the order of
             `channels`; classes, in the order of the logits; run, epoch; scores {val_macro_f1, test_macro_f1} as the
             run has them in `precision` (those of validation chose it and so flatter it, those of test do not);
             trained_on; passed_over {run: why} of better runs that no plain network computes
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torchvision import models

from stages.evaluation.predictions import folded, opened
from stages.files import new_folder, write_text
from stages.params import read
from stages.results.cells import read_table
from stages.results.inputs import BadInput
from stages.results.tables import KEY, MEASURES
from stages.running.checkpoints import save_atomically
from stages.training import network

WEIGHTS, ABOUT = "weights.pt", "model.json"


def main(variants: Sequence[str], runs: Path, crops: Path, measures: Path, out: Path) -> None:
    """Write the best model of the variants' runs. Raises BadInput where there are none, or none can be folded."""
    machine = read().machine
    torch.set_num_threads(machine.threads)
    scores, passed_over = ranked(read_table(measures, KEY | MEASURES), variants), dict[str, str]()
    with new_folder(out) as folder:
        for run, of_the_run in scores.items():
            try:
                state, about = plain(run, runs, crops, machine.device)
            except ValueError as error:
                passed_over[run] = str(error)
                continue
            about |= {"scores": of_the_run, "passed_over": passed_over}
            save_atomically(folder / WEIGHTS, state)
            write_text(folder / ABOUT, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
            break
        else:
            raise BadInput(f"{measures}: of {', '.join(variants)}, no run that a plain network computes")
    print(*said(out, about, len(scores)), sep="\n")


def ranked(measures: pd.DataFrame, variants: Sequence[str]) -> dict[str, dict[str, float]]:
    """{run: {"val_macro_f1": ..., "test_macro_f1": ...}} of the variants' runs by their best weights.

    The highest on validation first; of equal ones that of the earlier variant, then the earlier row of the table.
    """
    rows = measures.query("weights == 'best' and measure == 'macro_f1' and corruption == '' and variant in @variants")
    found: dict[str, dict[str, float]] = {}
    for row in sorted(rows.to_dict("records"), key=lambda row: variants.index(row["variant"])):
        found.setdefault(row["run"], {})[f"{row['split']}_macro_f1"] = row["value"]
    return dict(sorted(found.items(), key=lambda scores: -scores[1]["val_macro_f1"]))


def plain(name: str, runs: Path, crops: Path, device: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The folded weights of a run, and what model.json says of it but for the scores.

    Raises ValueError where no plain network computes what it did, and BadInput where the run is damaged.
    """
    variant, _, _ = name.partition("/")
    found = opened(runs / name, runs / variant, crops, ["best"], device)
    state = folded(found.network, runs / name, found.crops, found.device)
    record, summary, options = found.record, found.crops.summary, found.record["params"]["train"]
    as_it_is = network.build(options["network"], len(summary["classes"]), options["stem"])
    as_it_is.load_state_dict(state)  # as a reader does
    about = {
        "weights": WEIGHTS,
        "library": "torchvision" if options["network"] in models.list_models(module=models) else "timm",
        "network": options["network"],
        "stem": options["stem"],
        "input": dict(_input(summary)),
        "classes": summary["classes"],
        "run": name,
        "epoch": record["best_epoch"],
        "precision": record["precision"],
        "trained_on": summary["title"],
    }
    return state, about


def _input(summary: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "size", summary["size"]
    yield "channels", "RGB" if summary["channels"] == 3 else "one grey channel, three times"
    yield "values", "0 to 1, minus mean, divided by std"
    yield from ((name, summary[name]) for name in ("mean", "std"))


def said(out: Path, about: dict[str, Any], runs: int) -> Iterator[str]:
    """What the stage prints."""
    scores = about["scores"]
    yield f"{out}/: {about['run']} in epoch {about['epoch']}, the best of {runs} runs"
    yield f"macro F1 {scores['val_macro_f1']:.3f} on validation, which chose it, {scores['test_macro_f1']:.3f} on test"
    yield from (f"passed over: {run}: {why}" for run, why in about["passed_over"].items())
    yield f"a plain {about['network']}: {ABOUT} says how to load {WEIGHTS}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="+", help="among which to choose")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--crops", type=Path, default=Path("data/crops"))
    parser.add_argument("--measures", type=Path, default=Path("reports/measures.csv"))
    parser.add_argument("--out", type=Path, default=Path("model"))
    main(**vars(parser.parse_args()))
