"""A line of the ledger: what was seen, the verdict that rests on it, and what would decide it."""

import pandas as pd
import pytest

from stages.ledger.entries import read_entries
from stages.ledger.lines import COLUMNS, lines
from stages.results.cells import read_table
from tests.pipeline.pipelines import ROOT
from tests.stages.ledger.ledgers import NOISE, decided, entry, set_values, with_effect
from tests.stages.results.simulated import simulate


def test_a_line_says_what_was_seen(tmp_path):
    line = decided(tmp_path, {"A": entry(printed=0.04)}, main=with_effect(0.03)).loc[("A", "reports")]
    assert (line["verdict"], line["n"], line["parts"], line["mark"]) == ("holds", 6, "seeds", "")
    assert line["effect"] == pytest.approx(0.03) and line["low"] > 0 and line["sd"] == pytest.approx(NOISE.std(ddof=1))
    assert (line["printed"], line["command"]) == (0.04, "dvc repro") and pd.isna(line["seeds_needed"])


def test_one_number_changes_the_verdict_that_rests_on_it_and_no_other(tmp_path):
    entries = {"A": entry(), "B": entry(measure="last val macro_f1", kind="equivalence", direction=None)}
    made = with_effect(0.03)
    before = decided(tmp_path, entries, main=made)
    set_values(made, "best val macro_f1", {"periodic/5": 0.1})
    after = decided(tmp_path, entries, main=made)
    assert list(before.loc["A", "verdict"]) == ["holds"] and list(after.loc["A", "verdict"]) == ["undecided"]
    pd.testing.assert_series_equal(before.loc[("B", "reports")], after.loc[("B", "reports")])


def test_two_seeds_decide_nothing(tmp_path):
    """Not one of the entries that there are, however large the differences."""
    entries = read_entries(ROOT / "data/paper/claims.yaml", ROOT)
    decided(tmp_path, {"A": entry()}, main=simulate(seeds=(0, 1), epochs=8, steps_per_epoch=11))
    table = lines({name: each.model_copy(update={"rows": ["reports"]}) for name, each in entries.items()
                   if "reports" in each.rows}, tmp_path)  # fmt: skip
    assert len(table) > 15 and set(table["verdict"]) == {"undecided"}
    assert table[["low", "high"]].isna().all(axis=None) and (table["n"] == 2).all()


def test_what_has_not_been_run_says_how(tmp_path):
    (tmp_path / "studies/sites").mkdir(parents=True)
    (tmp_path / "studies/sites/dvc.yaml").touch()
    entries = {"A": entry(rows=["reports", "sites"]), "B": entry(ours="dynamic")}
    table = decided(tmp_path, entries, main=with_effect(0.03))
    assert list(table["verdict"]) == ["holds", "not run", "not run"]
    assert table.at[("A", "sites"), "command"] == "make study NAME=sites"
    assert table.at[("B", "reports"), "mark"] == "no runs of dynamic; there are baseline, periodic"


def test_where_no_number_of_seeds_would_decide_it_says_why(tmp_path):
    why = "not even 10,000 seeds would decide: what is seen is too near to the margin"
    line = decided(tmp_path, {"A": entry()}, main=with_effect(0.02 - NOISE.mean())).iloc[0]
    assert (line["verdict"], line["mark"]) == ("undecided", why) and pd.isna(line["seeds_needed"])


def test_holm_is_within_a_family_and_rows(tmp_path):
    entries = {
        "A": entry(rows=["reports", "study"], family="one"),
        "B": entry(rows=["reports"], family="one", kind="noninferiority"),
        "C": entry(rows=["reports"], family="one", ours="dynamic"),
        "D": entry(rows=["reports"]),
    }
    table = decided(tmp_path, entries, main=with_effect(0.005), study=with_effect(0.005))
    p = table.at[("D", "reports"), "p"]
    assert table.at[("A", "reports"), "p_holm"] == pytest.approx(2 * p), "the one that is not run counts, as 1"
    assert table.at[("A", "study"), "p_holm"] == table.at[("D", "reports"), "p_holm"] == p


def test_what_is_committed_decides_what_is_committed():
    """Without a cache, by the committed tables alone; other processors may differ in a last digit."""
    committed = read_table(ROOT / "reports/claims.csv", COLUMNS)
    anew = lines(read_entries(ROOT / "data/paper/claims.yaml", ROOT), ROOT)
    pd.testing.assert_frame_equal(anew, committed, check_dtype=False, rtol=1e-4, atol=1e-6)
