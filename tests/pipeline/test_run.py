"""The pipeline for real: each stage by its command in dvc.yaml, on tiny data, and what it leaves computed again."""

import csv
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from ruamel.yaml import YAML
from scipy import stats
from sklearn import metrics
from torch.nn import functional as F
from torchvision import models

from tests.pipeline.pipelines import ROOT
from tests.pipeline.tiny_run import SEEDS, VARIANTS


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def arrays(path):
    with np.load(path) as found:
        return dict(found)


def measure(project, **wanted):
    """{run: value} of the rows with these cells."""
    found = [row for row in rows(project / "reports/measures.csv") if wanted.items() <= row.items()]
    return {row["run"]: float(row["value"]) for row in found}


def test_crops_are_the_drawn_faces_squared_and_resized(project):
    crops = project / "data/crops"
    for split in ("train", "val", "test"):
        images, described = np.load(crops / split / "images.npy"), rows(crops / split / "manifest.csv")
        assert len(images) == len(described) > 20 and images.shape[1:] == (24, 24, 3)
        for image, row in list(zip(images, described))[::10]:
            x, y, width, height = map(float, row["box"].split())
            side = max(width, height)
            left, top = x + width / 2 - side / 2, y + height / 2 - side / 2
            with Image.open(project / "data/raw/faces" / row["path"]) as picture:
                if left < 0 or top < 0 or left + side > picture.width or top + side > picture.height:
                    continue  # padded: tests/stages/crops has those
                square = picture.resize((24, 24), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
            difference = np.abs(image.astype(int) - np.asarray(square))
            assert difference.mean() < 3  # a JPEG is decoded at the scale that is needed; tests/stages/crops are exact


def logits_of(project, run, weights, images):
    """What the plain ResNet-18 of a run's weights says of uint8 images, in float32; the sign as its buffers have it."""
    summary = json.loads((project / "data/crops/summary.json").read_text())
    state = torch.load(project / "runs" / run / f"{weights}.pt", weights_only=True)
    methods = (".signflip.flag", ".autorelu.weight")
    plain = {name: value for name, value in state.items() if not name.endswith(methods)}
    for name, value in state.items():
        turned = (name.endswith(methods[0]) and value) or (name.endswith(methods[1]) and value.mean() < 0)
        if turned:  # a negated sign behind BatchNorm is its weight and bias negated
            norm = name.removesuffix(methods[0]).removesuffix(methods[1])
            plain[f"{norm}.weight"], plain[f"{norm}.bias"] = -plain[f"{norm}.weight"], -plain[f"{norm}.bias"]
    network = models.resnet18(num_classes=len(summary["classes"]))
    network.load_state_dict(plain)
    mean, std = (torch.tensor(summary[name]).view(-1, 1, 1) for name in ("mean", "std"))
    batch = (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        return network.eval()(batch)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("weights", ["best", "last"])
def test_probabilities_are_those_of_the_plain_network_with_the_signs_folded_in(project, variant, split, weights):
    images = np.load(project / f"data/crops/{split}/images.npy")
    labels = np.load(project / f"data/crops/{split}/labels.npy")
    for seed in SEEDS:
        said = arrays(project / f"runs/predictions/{variant}/{seed}.npz")
        logits = logits_of(project, f"{variant}/{seed}", weights, images)
        np.testing.assert_allclose(said[f"{split}_{weights}_probability"], logits.softmax(1), atol=2e-3)
        assert (said[f"{split}_{weights}_predicted"] == logits.argmax(1).numpy()).mean() > 0.98
        assert (said[f"{split}_actual"] == labels).all()
        loss = F.cross_entropy(logits, torch.from_numpy(labels)).item()
        assert said[f"{split}_{weights}_loss"] == pytest.approx(loss, rel=1e-3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_first_runs_best_weights_load_into_the_plain_network_and_say_the_same(project, variant):
    images = np.load(project / "data/crops/test/images.npy")
    folded = torch.load(project / f"runs/predictions/{variant}/plain.pt", weights_only=True)
    summary = json.loads((project / "data/crops/summary.json").read_text())
    network = models.resnet18(num_classes=len(summary["classes"]))
    network.load_state_dict(folded)
    mean, std = (torch.tensor(summary[name]).view(-1, 1, 1) for name in ("mean", "std"))
    batch = (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        logits = network.eval()(batch)
    assert torch.equal(logits, logits_of(project, f"{variant}/{SEEDS[0]}", "best", images))


def test_the_model_is_the_best_run_on_validation_and_loads_as_its_page_says(project, monkeypatch):
    """By what docs/long-runs.md quotes: the same predictions, and the scores that it tells of."""
    (page,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/long-runs.md").read_text(), re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(project)
    exec(page, said_there := {})
    about, network = said_there["about"], said_there["network"]
    best = {run: measure(project, run=run, measure="macro_f1", split="val", weights="best")[run] for run in runs_of()}
    assert about["run"] == max(best, key=best.get) and about["library"] == "torchvision" and about["stem"] == "imagenet"
    mean, std = (torch.tensor(about["input"][name]).view(-1, 1, 1) for name in ("mean", "std"))
    assert about["classes"] == json.loads((project / "data/crops/summary.json").read_text())["classes"]
    for split in ("val", "test"):
        images = np.load(project / f"data/crops/{split}/images.npy")
        assert images.shape[1:] == (about["input"]["size"],) * 2 + (3,)
        with torch.no_grad():
            logits = network((torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - mean) / std)
        said = arrays(project / f"runs/predictions/{about['run']}.npz")
        assert torch.equal(logits, logits_of(project, about["run"], "best", images))
        assert (said[f"{split}_best_predicted"] == logits.argmax(1).numpy()).mean() > 0.98
        ours = metrics.f1_score(said[f"{split}_actual"], said[f"{split}_best_predicted"], average="macro")
        assert about["scores"][f"{split}_macro_f1"] == pytest.approx(ours, abs=1e-5)


def runs_of():
    return [f"{variant}/{seed}" for variant in VARIANTS for seed in SEEDS]


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_epoch_was_chosen_by_the_validation_that_its_weights_give(project, variant):
    for seed in SEEDS:
        curves = rows(project / f"runs/{variant}/{seed}/curves.csv")
        f1 = [float(row["val_macro_f1"]) for row in curves]
        record = json.loads((project / f"runs/{variant}/{seed}/record.json").read_text())
        assert len(f1) == 3 and record["best_epoch"] == 1 + f1.index(max(f1))
        said = arrays(project / f"runs/predictions/{variant}/{seed}.npz")
        for weights, expected in (("best", max(f1)), ("last", f1[-1])):
            ours = metrics.f1_score(said["val_actual"], said[f"val_{weights}_predicted"], average="macro")
            assert ours == pytest.approx(expected, abs=1e-6)


def test_every_row_of_measures_is_scikit_learns_on_the_written_predictions(project):
    classes = json.loads((project / "data/crops/summary.json").read_text())["classes"]
    runs = measure(project, measure="macro_f1", split="test", weights="last")
    assert len(runs) == len(VARIANTS) * len(SEEDS)
    curves = {run: rows(project / "runs" / run / "curves.csv") for run in runs}
    for row in rows(project / "reports/measures.csv"):
        curve = {name: [float(epoch[name]) for epoch in curves[row["run"]]] for name in curves[row["run"]][0]}
        f1, loss = curve["val_macro_f1"], curve["val_loss"]
        of_curves = {
            "train loss": curve["train_loss"][-1],
            "train eval_loss": curve["train_eval_loss"][-1],
            "val peak_to_last": max(f1) - f1[-1],
            "val loss_rise": loss[-1] - min(loss),
            "val macro_f1_trend": 2 * (f1[-1] - f1[-2]),  # over the last two of three epochs
            "val loss_trend": 2 * (loss[-1] - loss[-2]),
        }
        if (name := f"{row['split']} {row['measure']}") in of_curves:
            assert float(row["value"]) == pytest.approx(of_curves[name], abs=1e-5), row
            continue
        if row["split"] == "train" or row["measure"] in ("converged", "ece"):
            continue  # of turns, of trends and of bins: tests/stages/measures
        said = arrays(project / f"runs/predictions/{row['run']}.npz")
        actual, predicted = said[f"{row['split']}_actual"], said[f"{row['split']}_{row['weights']}_predicted"]
        expected = {
            "accuracy": metrics.accuracy_score(actual, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(actual, predicted),
            "macro_f1": metrics.f1_score(actual, predicted, average="macro"),
            "loss": said[f"{row['split']}_{row['weights']}_loss"],
            "gap": said["test_last_loss"] - curve["train_eval_loss"][-1],
        }
        if row["measure"] == "brier":
            rounded = said[f"{row['split']}_{row['weights']}_probability"].astype(float)
            said_of_all = rounded / rounded.sum(axis=1, keepdims=True)
            expected["brier"] = metrics.brier_score_loss(
                actual, said_of_all, labels=list(range(len(classes))), scale_by_half=False
            )
        for prefix, score in (("f1/", metrics.f1_score), ("recall/", metrics.recall_score)):
            if row["measure"].startswith(prefix):
                label = classes.index(row["measure"].removeprefix(prefix))
                expected[row["measure"]] = score(actual == label, predicted == label)
        assert float(row["value"]) == pytest.approx(float(expected[row["measure"]]), abs=1e-5), row


def test_the_committed_predictions_are_those_of_the_last_epoch_on_test(project):
    kept = arrays(project / "reports/predictions.npz")
    for index, run in enumerate(kept["runs"]):
        said = arrays(project / f"runs/predictions/{run}.npz")
        assert (kept["predicted"][index] == said["test_last_predicted"]).all()
        truth = said["test_last_probability"][np.arange(len(kept["actual"])), kept["actual"]]
        assert (kept["truth"][index] == truth).all()
    assert (kept["actual"] == np.load(project / "data/crops/test/labels.npy")).all()


def test_a_row_of_runs_names_all_that_decided_it(project):
    params = YAML(typ="safe").load(project / "params.yaml")
    rate = str(params["dropout"]["p"])
    for row in rows(project / "reports/runs.csv"):
        assert float(row["train.learning_rate"]) == params["train"]["learning_rate"]
        assert row["interval"] == ("2" if "periodic" in row["variant"] else "")
        assert row["dropout.p"] == (rate if "dropout" in row["variant"] else "")
        assert row["hardware"] and row["torch"] == torch.__version__ and row["threads"] == "1"
        assert row["run"] == f"{row['variant']}/{row['seed']}"
        turns = [turn for turn in rows(project / "reports/turns.csv") if turn["run"] == row["run"]]
        signs = [turn for turn in turns if turn["quantity"] == "sign"]
        strengths = {(turn["quantity"], turn["step"], turn["value"]) for turn in turns if turn not in signs}
        assert strengths == ({("p", "1", rate)} if "dropout" in row["variant"] else set())
        if row["variant"] == "dropout-periodic":  # T=2 over three epochs: clean, flipped, flipped
            assert {(turn["epoch"], float(turn["value"])) for turn in signs} == {("1", 1), ("2", -1)}
            assert int(row["turns"]) == len(signs) - int(row["signed"]) == 8
        else:
            assert not signs


def test_table_1_is_made_of_the_rows(project):
    table = {(row["variant"], row["measure"]): row for row in rows(project / "reports/table1.csv")}
    last = measure(project, measure="macro_f1", split="test", weights="last")
    values = {variant: [last[f"{variant}/{seed}"] for seed in SEEDS] for variant in VARIANTS}
    (name,) = {key for _, key in table if key.startswith("test_macro_f1") and "best" not in key}
    for variant in VARIANTS:
        row = table[variant, name]
        assert float(row["mean"]) == pytest.approx(np.mean(values[variant]), abs=1e-5)
        assert float(row["std"]) == pytest.approx(np.std(values[variant], ddof=1), abs=1e-5)
        assert row["n"] == "2"
    interval = stats.ttest_rel(values["dropout-periodic"], values["baseline"]).confidence_interval(0.95)
    row = table["dropout-periodic", name]
    assert [float(row["difference_low"]), float(row["difference_high"])] == pytest.approx(list(interval), abs=1e-4)


def test_figures_and_pictures_are_pictures(project):
    pictures = [path for folder in ("figures", "pictures") for path in (project / "reports" / folder).glob("*.png")]
    assert len(pictures) >= 12
    for path in pictures:
        with Image.open(path) as picture:
            assert len(picture.convert("L").getcolors(256) or range(256)) > 2, f"{path.name} is blank"
