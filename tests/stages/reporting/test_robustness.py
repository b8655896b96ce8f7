from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stages.corruptions.strengths import CORRUPTIONS, names
from stages.measures import corruptions
from stages.reporting import robustness, style
from stages.results.corrupted import Corrupted
from stages.results.inputs import BadInput
from tests.stages.results.simulated import as_read, results_of, simulate_run

SEEDS = (0, 1, 2)
CLASSES = ["calm", "glad", "sad"]


def spoiled(variants=("baseline", "periodic"), seeds=SEEDS, channels=3):
    """Results of runs with rows for each corruption, and those scores: (run, corruption), macro F1."""
    runs, scores = [simulate_run(variant, seed, 4) for variant in variants for seed in seeds], {}
    random = np.random.default_rng(0)
    for run in runs:
        (about,) = run["runs"]
        key = {name: about[name] for name in ("run", "variant", "seed")} | {"weights": "last", "split": "test"}
        for name in names(channels):
            scores[about["run"], name] = random.uniform(0.1, 0.6)
            value = {"corruption": name, "measure": "macro_f1", "value": scores[about["run"], name]}
            run["measures"].append(key | value)
        mean = np.mean([scores[about["run"], name] for name in names(channels)])
        for measure, value in (("macro_f1", mean), ("macro_f1_lost", 0.7 - mean)):
            run["measures"].append(key | {"corruption": "mean", "measure": measure, "value": value})
    return results_of(runs), scores


def table(page, number):
    """The cells of a table of the page, by the first of each row."""
    blocks = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in blocks[number]]
    return rows[0], rows[2:]


def test_scores_of_each_corruption_and_their_means():
    actual = np.array([0, 1, 2, 2])
    said = Corrupted(["noise-1", "blur-3"], np.array([[0, 1, 2, 2], [0, 0, 0, 0]], np.uint8), np.array([0.2, 0.6]))
    rows = list(corruptions.measures(said, actual, np.array([0, 1, 2, 1]), CLASSES))
    found = {row[:2]: row[2] for row in rows}
    assert len(found) == len(rows) == 10
    assert found["noise-1", "macro_f1"] == found["noise-1", "accuracy"] == 1
    assert found["blur-3", "macro_f1"] == pytest.approx(2 / 5 / 3) and found["blur-3", "loss"] == 0.6
    assert found["mean", "loss"] == pytest.approx(0.4) and found["mean", "accuracy"] == pytest.approx(0.625)
    clean = (1 + 2 / 3 + 2 / 3) / 3
    assert found["mean", "macro_f1_lost"] == pytest.approx(clean - found["mean", "macro_f1"])


def test_the_page_says_means_and_differences_of_all_of_each_kind_and_of_each_strength():
    results, scores = spoiled()
    name, page = next(robustness.exhibits(as_read(results)))
    assert name == "robustness.md"
    values = pd.Series(scores).unstack()
    ours, base = ([values.loc[f"{variant}/{seed}"] for seed in SEEDS] for variant in ("periodic", "baseline"))

    _, (first, second) = table(page, 0)
    means = [row.mean() for row in ours]
    low, high = stats.ttest_rel(means, [row.mean() for row in base]).confidence_interval(0.95)
    said = f"{np.mean(means) - np.mean(base):+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−")
    assert second[:2] == ["+ periodic", "3"]
    assert second[3] == f"{np.mean(means):.3f} ± {np.std(means, ddof=1):.3f}" and second[4] == said
    assert second[5] == f"{0.7 - np.mean(means):.3f} ± {np.std(means, ddof=1):.3f}"
    assert first[0] == "Baseline" and first[4] == first[6] == "–"

    head, rows = table(page, 1)
    assert head == ["corruption", "+ periodic"] and [row[0] for row in rows] == list(CORRUPTIONS)
    three = ["jpeg-1", "jpeg-2", "jpeg-3"]
    mean = np.mean([row[three].mean() for row in ours]) - np.mean([row[three].mean() for row in base])
    assert rows[4][1].startswith(f"{mean:+.3f} [".replace("-", "−"))

    _, rows = table(page, 2)
    assert len(rows) == 27
    assert rows[-1] == ["grey", "0", "", *(f"{np.mean([row['grey-3'] for row in each]):.3f}" for each in (base, ours))]
    assert rows[-3][:3] == ["grey", "0.5", CORRUPTIONS["grey"].words]


def test_a_panel_for_each_corruption_shows_means_and_intervals_from_the_picture_as_it_is():
    results, scores = spoiled(channels=1)
    results = as_read(results)
    with style.applied():
        drawn = dict(robustness.exhibits(results))["robustness.png"]
    assert [axes.get_title(loc="left") for axes in drawn.axes] == [kind for kind in CORRUPTIONS if kind != "grey"]
    ticks = [[text.get_text() for text in axes.get_xticklabels()] for axes in drawn.axes[:2]]
    assert ticks == [["as it is", "0.04", "0.08", "0.16"], ["as it is", "0.7", "1.2", "2"]]
    clean = results.measures.query(
        "weights == 'last' and split == 'test' and corruption == '' and measure == 'macro_f1'"
    )
    line, _, (bars,) = drawn.axes[1].containers[1].lines
    assert line.get_color() == style.COLORS["periodic"]
    assert line.get_ydata()[0] == pytest.approx(clean[clean["variant"] == "periodic"]["value"].mean())
    values = [scores[f"periodic/{seed}", "blur-3"] for seed in SEEDS]
    assert line.get_ydata()[3] == pytest.approx(np.mean(values), abs=1e-5)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert bars.get_segments()[3][:, 1].tolist() == pytest.approx([max(low, 0), min(high, 1)], abs=1e-4)
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["Baseline", "+ periodic"]


def test_one_seed_has_no_interval_and_no_baseline_no_difference():
    results, _ = spoiled(variants=("periodic",), seeds=(0,))
    _, page = next(robustness.exhibits(as_read(results)))
    assert "±" not in page and "nan" not in page and "Differences to" not in page


def test_without_spoiled_pictures_there_is_nothing_to_show():
    assert not list(robustness.exhibits(results_of([simulate_run("baseline", 0, 4)])))


def test_a_row_that_is_missing_is_named():
    results, _ = spoiled()
    gone = (results.measures["run"] == "periodic/1") & (results.measures["corruption"] == "jpeg-2")
    results = replace(results, measures=results.measures[~gone])
    with pytest.raises(BadInput, match=r"^measures.csv: no row of the run periodic/1, corruption jpeg-2, macro_f1$"):
        list(robustness.exhibits(results))
