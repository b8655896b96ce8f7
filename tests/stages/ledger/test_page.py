import re

import numpy as np
import pandas as pd
import pytest

from stages import claims
from stages.ledger import in_short, page
from stages.ledger.lines import COLUMNS, lines
from stages.results.cells import read_table
from tests.stages.ledger.ledgers import NOISE, decided, entry, read, results

FAMILY = {"family": "primary", "source": "paper"}
ENTRIES = {
    "P1": entry(**FAMILY, quote="F1 of 0.38", printed=0.04),
    "P2": entry(**FAMILY, ours="dropout", words="dropout helps"),
    "P3": entry(**FAMILY, ours="dynamic", words="dynamic helps"),
    "O1": entry(measure="last train loss", ratio=True, margin=0.05, rows=["reports", "sites"]),
}


@pytest.fixture
def table(tmp_path):
    (tmp_path / "studies/sites").mkdir(parents=True)
    (tmp_path / "studies/sites/dvc.yaml").touch()
    groups = [("baseline", {}, 0.4 + 0 * NOISE), ("periodic", {}, 0.43 + NOISE), ("dropout", {}, 0.3 + NOISE)]
    decided(tmp_path, ENTRIES, main=results(groups))
    return lines(read(tmp_path, **ENTRIES), tmp_path)


def test_the_page_says_each_verdict_as_plainly(table):
    text = page.write(table)
    assert "| The paper | 1 | 0 | 1 | 0 | 1 |" in text
    assert '- P1 (here). "F1 of 0.38" Here: flips help.\n  - default run: **holds**; +0.030 [+0.' in text
    assert "] where +0.040 is printed, 6 seeds.\n" in text
    assert "  - default run: **contradicted**; −0.100 [−0." in text
    assert (
        "  - default run: **not run**; `dvc repro` (no runs of dynamic; there are baseline, periodic, dropout)." in text
    )
    assert "  - study sites: **not run**; `make study NAME=sites`." in text
    assert re.search(r"\| O1 \| default run \| periodic − baseline \| last train loss \| × [\d.]+ \|", text)
    assert text.count("\n| P") == 3 and "\n\n\n" not in text
    assert not [line for line in text.splitlines() if len(line) > 120 and not line.lstrip().startswith(("|", "-"))]


def test_a_family_in_short(table):
    head, _, first, second, third = in_short.table(table, {"reports": "here", "again": "again"})
    assert head == "|  | here | again |"
    assert first.startswith("| flips help (+0.040) | **holds**, +0.030 [") and first.endswith("] | not run |")
    assert second.startswith("| dropout helps | **contradicted**, −0.100")
    assert third == "| dynamic helps | not run | not run |"
    (_, _, marked, *_) = in_short.table(table.assign(mark="baseline still moves"), {"reports": "here"})
    assert marked.endswith("] † |")


def test_what_each_method_does_in_a_line(table):
    rows = {"reports": "here", "again": "again"}
    assert dict(in_short.answers(table, rows)) == {
        "periodic against baseline": "raises val macro F1 by 0.030 (here)",
        "dropout against baseline": "lowers val macro F1 by 0.100 (here)",
    }, "what was not run says nothing"
    first = table[table["id"] == "P1"]
    other = first.assign(rows="again", verdict="undecided")
    ((_, said),) = in_short.answers(pd.concat([first, other]), rows)
    assert said == "raises val macro F1 by 0.030 (here); is undecided (again)"


@pytest.mark.parametrize(
    "low, high, said",
    [
        (-0.01, 0.01, "changes val macro F1 by less than 0.02, 0.000 [−0.010, +0.010] (here)"),
        (-0.03, 0.02, "does not raise val macro F1 by 0.02, 0.000 [−0.030, +0.020] (here)"),
        (-0.02, 0.03, "does not lower val macro F1 by 0.02, 0.000 [−0.020, +0.030] (here)"),
    ],
)
def test_what_does_not_hold_says_what_is_excluded(table, low, high, said):
    line = table[table["id"] == "P1"].assign(verdict="does not hold", effect=-0.0001, low=low, high=high)
    assert list(in_short.answers(line, {"reports": "here"})) == [("periodic against baseline", said)]


@pytest.mark.parametrize("low, high, said", [(0.97, 1.3, "does not lower"), (0.7, 1.03, "does not raise")])
def test_a_ratio_that_does_not_hold(table, low, high, said):
    line = table[table["id"] == "P1"].assign(verdict="does not hold", scale="ratio", effect=1.0, low=low, high=high)
    ((_, text),) = in_short.answers(line.assign(margin=0.05), {"reports": "here"})
    assert text == f"{said} val macro F1 by a factor of 1.05, × 1.00 [× {low:.2f}, × {high:.2f}] (here)"


@pytest.mark.parametrize(
    "measure, said", [("test_accuracy", "test accuracy"), ("train_loss at turns", "train loss at turns")]
)
def test_a_measure_is_named_by_its_form(table, measure, said):
    line = table[table["id"] == "P1"].assign(measure=measure)
    ((_, text),) = in_short.answers(line, {"reports": "here"})
    assert text == f"raises {said} by 0.030 (here)"


def test_without_main_sentences_there_is_nothing_in_short(table):
    own = table.assign(family="mine")
    assert [*in_short.table(own, {"reports": "here"}), *in_short.answers(own, {"reports": "here"})] == []


def test_a_ratio_is_said_as_a_factor(table):
    line = table[table["id"] == "P1"].assign(scale="ratio", measure="last test loss", effect=0.8, low=0.7, high=0.9)
    said = dict(in_short.answers(line, {"reports": "here"}))
    assert said == {"periodic against baseline": "lowers test loss, × 0.80 (here)"}


def test_what_is_the_same_in_every_seed_says_so(table):
    line = table[table["id"] == "P1"].assign(effect=0.0, low=0.0, high=0.0)
    assert "; 0.000 in every seed where +0.040 is printed, 6 seeds." in page.write(line)


def test_what_hangs_on_the_seeds_is_said(table):
    none = "the same verdict on 0 of 0 sentences;\n  hold on one and are contradicted on the other: none."
    assert none in page.write(table)
    again = table[table["id"].isin(["P1", "P2", "P3"])].assign(rows="again", verdict=["undecided", "holds", "not run"])
    text = page.write(pd.concat([table, again]))
    assert "the same verdict on 0 of 2 sentences;\n  hold on one and are contradicted on the other: P2." in text
    assert "Hold on some data and are contradicted on others: P2." in text
    assert "Hold on some data and do not hold on others: none." in text
    apart = [table.assign(verdict=verdict, rows=rows) for verdict, rows in (("holds", "a"), ("does not hold", "b"))]
    assert "do not hold on others: P1, P2, P3, O1." in page.write(pd.concat(each.iloc[:4] for each in apart))


@pytest.mark.parametrize("rows, seeds", [("circles-draws", "circles.draws"), ("circles-seeds", "circles.seeds")])
def test_what_to_run_with_more_seeds(table, rows, seeds):
    line = table[table["id"] == "P1"].assign(
        verdict="undecided", seeds_needed=40, rows=rows, command="dvc repro circles"
    )
    said = f"40 seeds would decide, were this the effect: `dvc repro circles` with so many `{seeds}`"
    assert said in page.write(line)


def test_few_seeds_have_a_spread_and_no_interval(tmp_path):
    made = results([("baseline", {}, 0.4 + 0 * NOISE), ("periodic", {}, 0.43 + NOISE)], seeds=range(3))
    decided(tmp_path, {"A": entry()}, main=made)
    text = page.write(lines(read(tmp_path, A=entry()), tmp_path))
    sd = np.std(NOISE[:3], ddof=1)
    seen = f"**undecided**; +0.025 (standard deviation {sd:.3f}), 3 seeds"
    assert f"{seen}, 5 seeds would decide, were this the effect: `dvc repro` with so many `seeds`." in text


def test_the_stage_writes_what_it_decides(tmp_path, monkeypatch, capsys, table):
    (tmp_path / "data/paper").mkdir(parents=True)
    (tmp_path / "claims.yaml").rename(tmp_path / "data/paper/claims.yaml")
    monkeypatch.chdir(tmp_path)
    claims.main()
    assert capsys.readouterr().out == (
        "reports/claims.md: 5 verdicts\n1 holds, 0 does not hold, 1 contradicted, 1 undecided, 2 not run\n"
    )
    found = read_table("reports/claims.csv", COLUMNS)
    assert list(found["verdict"]) == list(table["verdict"]) and list(found.columns) == list(COLUMNS)
    written = (tmp_path / "reports/claims.md").read_bytes()
    claims.main()
    assert (tmp_path / "reports/claims.md").read_bytes() == written
