"""Stage evaluate: the scores of one run on data that chose nothing, and all that the plot stage draws from it.

Writes reports/eval/<variant>-<seed>/:
metrics.json     validation: macro F1 of the best epoch (the paper's), of the last one; test: macro F1, accuracy, F1 per class
predictions.csv  split (val, test), index in the store, actual, predicted (class names), confidence; by the best epoch's weights
features.npz     `image` (H, W, C) uint8 and `bn` (channels, h, w) float16: what BatchNorm gives at the first site for one test image
curves.csv, signs.csv, record.json   copied from the run, so that a clone without the cache can draw its figures
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import noise
from stages.crops.store import open_crops
from stages.params import read
from stages.training.batches import Batches
from stages.training.device import choose
from stages.training.evaluation import predict
from stages.training.network import prepare
from stages.training.score import scores

CHANNELS = 6  # feature maps kept for the figure of the process


def main(variant: str, seed: int):
    params, crops = read(), open_crops("data/crops")
    run, out = Path("runs") / f"{variant}-{seed}", Path("reports/eval") / f"{variant}-{seed}"
    classes = crops.summary["classes"]
    device = choose(params.train.device, params.train.precision, params.train.deterministic)
    network, _ = prepare(variant, seed, params, len(classes), device)
    network.load_state_dict(torch.load(run / "best.pt", map_location=device.device, weights_only=True))

    metrics, tables = {}, []
    for name in ("val", "test"):
        split = Batches(crops[name], crops.summary, device.device)
        actual, predicted, confidence, loss = predict(network, split, device)
        metrics[name] = scores(actual, predicted, classes) | {"loss": loss}
        columns = {
            "split": name,
            "index": range(len(actual)),
            "actual": actual,
            "predicted": predicted,
            "confidence": confidence,
        }
        tables.append(pd.DataFrame(columns))
    predictions = pd.concat(tables)
    for column in ("actual", "predicted"):
        predictions[column] = np.array(classes)[predictions[column]]

    curves, record = pd.read_csv(run / "curves.csv"), json.loads((run / "record.json").read_text())
    metrics["val"] |= {"macro_f1_max": curves.val_macro_f1.max(), "macro_f1_last": curves.val_macro_f1.iloc[-1]}
    metrics["train"] = {"loss": curves.train_loss.iloc[-1]}
    metrics["best_epoch"] = record["best_epoch"]

    out.mkdir(parents=True, exist_ok=True)
    predictions.to_csv(out / "predictions.csv", index=False, float_format="%.4f")
    image = crops["test"].images[0]
    np.savez_compressed(
        out / "features.npz",
        image=image,
        bn=feature_maps(network, Batches(crops["test"], crops.summary, device.device)),
    )
    for name in ("curves.csv", "signs.csv", "record.json"):
        shutil.copyfile(run / name, out / name)
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")


@torch.inference_mode()
def feature_maps(network, split):
    """The output of the first residual block's first BatchNorm for the split's first image, float16 (channels, h, w)."""
    (site,) = noise.find_sites(network, "first")[:1]
    kept = []  # copies: the ReLU behind works in place
    module = network.get_submodule(site.name)  # a BatchNorm, or the wrapper that holds it beside the methods
    handle = getattr(module, "bn", module).register_forward_hook(lambda *call: kept.append(call[2].clone()))
    network.eval()
    network(next(split.plain(1))[0])
    handle.remove()
    maps = kept[0][0].float().cpu().numpy()
    strongest = np.sort(np.argsort(-maps.std((1, 2)))[:CHANNELS])
    return maps[strongest].astype(np.float16)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", required=True)
    parser.add_argument("--seed", required=True, type=int)
    main(**vars(parser.parse_args()))
