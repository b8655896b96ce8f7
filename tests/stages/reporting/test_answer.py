"""The last words of `make repro`: the verdicts as README.md has them, and where to look."""

import re
import shutil

import pytest

from stages.reporting import answer, readme
from stages.results.inputs import BadInput
from tests.pipeline.pipelines import ROOT


@pytest.mark.parametrize("width", [60, 80, 100])
def test_every_verdict_of_the_readme_is_there_in_so_many_columns(width):
    lines = list(answer.answer(ROOT, width))
    assert max(map(len, lines)) <= width
    said = " ".join(" ".join(lines).split())
    rows = [line for line in readme.verdicts(ROOT) if line.startswith("| ") and "**" in line]
    assert len(rows) >= 5
    for row in rows:
        words, verdict, *_ = row.strip("| ").split(" | ")
        kind, _, effect = verdict.replace("**", "").partition(", ")
        assert kind in said and effect in said and words.split(" (")[0].split()[0] in said
        start = said.index(effect)
        assert said[:start].rstrip().endswith(kind) and said[start + len(effect) :].split()[0] == words.split()[0]


def test_places_are_named_that_are_there(tmp_path):
    (tmp_path / "reports").mkdir()
    shutil.copy(ROOT / "reports/claims.csv", tmp_path / "reports")
    (tmp_path / "reports/index.html").touch()
    said = "\n".join(answer.answer(tmp_path, 80))
    assert "reports/index.html" in said and "model.json" not in said and "table1.md" not in said
    assert "dvc plots show" in said and "dvc exp run -S interval=5" in said
    with pytest.raises(BadInput, match=r"claims.csv: missing; `python -m stages.claims` writes it"):
        list(answer.answer(tmp_path / "none", 80))


def test_without_main_sentences_it_says_where_to_look(tmp_path):
    (tmp_path / "reports").mkdir()
    text = (ROOT / "reports/claims.csv").read_text()
    (tmp_path / "reports/claims.csv").write_text(text.replace(",primary,", ",mine,"))
    assert list(answer.answer(tmp_path, 80))[:2] == ["", "Where to look:"]


@pytest.mark.parametrize(("terminal", "columns"), [("40", 60), ("90", 90), ("200", 100)])
def test_it_fits_the_terminal(monkeypatch, capsys, terminal, columns):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", terminal)
    answer.main()
    assert capsys.readouterr().out.splitlines() == list(answer.answer(ROOT, columns))


def test_make_repro_ends_with_it():
    recipe = re.search(r"^repro:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe[1].splitlines()[-1] == f"\tpython -m {answer.__name__}"
