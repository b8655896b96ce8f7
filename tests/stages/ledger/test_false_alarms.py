"""The ledger on simulated runs, whose true effects are known: `python -m benchmarks.false_alarms` does it at length."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.false_alarms import KINDS, Simulated, false_alarms, main, most, primary
from stages.ledger.claim import HOLDS
from stages.ledger.deciding import decide
from stages.ledger.entries import MAIN

PRIMARY = primary()


@pytest.mark.parametrize("spread", KINDS.values(), ids=KINDS)
def test_where_nothing_differs_a_family_is_rarely_wrong(spread):
    assert false_alarms(PRIMARY, 200, 6, 300, spread) <= most(200)


def test_what_differs_is_found_and_nothing_else():
    """All but the baseline are better: of the five entries, three say something of that."""
    better = dict.fromkeys(("dropout", "periodic", "dynamic", "dropout-periodic"), 0.5)
    spread = (0.03, 0.1, 0.1)
    found = dict.fromkeys(PRIMARY, 0)
    for number in range(40):
        rows = Simulated(np.random.default_rng(number), 6, 700, spread, better)
        for (name, _), decision in decide(PRIMARY, {MAIN: rows}).items():
            found[name] += decision.verdict == HOLDS
    assert min(found["P02"], found["P16"]) >= stats.binom.ppf(0.01, 40, 0.9)
    assert found["P10"] == 0 and found["P12"] <= most(40)


def test_the_command_prints_the_rates(capsys):
    main(2, 6, 70)
    assert [line.split(": ")[0] for line in capsys.readouterr().out.splitlines()] == list(KINDS)
