"""A sweep and a comparison over what was committed in a scratch repository, whose experiments are refs as DVC's are."""

import itertools
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from scipy import stats

from stages.reporting import compare, study_figure, style, sweep, table1
from stages.reporting.revisions import at_hand
from stages.reporting.runs import runs_of
from stages.reporting.swept import Committed, joined
from stages.results import tables
from stages.results.inputs import BadInput
from tests.stages.results.simulated import as_read, results_of, simulate_run

SEEDS = (0, 1)
VARIANTS = ("baseline", "dropout", "periodic", "dropout-periodic")
PARAMS = {"seeds": [0, 1], "interval": 5, "train": {"epochs": 2, "learning_rate": 0.0001}, "dropout": {"p": 0.5}}


COMMITTED = itertools.count(1_700_000_000)


def git(*words):
    """At a later second each time: experiments stand in the order in which they were made."""
    who = ["-c", "user.name=A", "-c", "user.email=a@b"]
    environment = os.environ | {"GIT_COMMITTER_DATE": f"{next(COMMITTED)} +0000"}
    return subprocess.run(
        ["git", *who, *words], check=True, capture_output=True, text=True, env=environment
    ).stdout.strip()


@cache
def results(interval=5, rate=0.5, seeds=SEEDS, shift=0.0, variants=VARIANTS, **record):
    """The runs of an experiment: the interval makes those that read it better by `shift`, dropout by its rate."""
    made = []
    for variant in variants:
        own = {"interval": interval} if "periodic" in variant else {}
        own |= {"dropout.p": rate} if "dropout" in variant else {}
        for run in (simulate_run(variant, seed, 2, **own, **record) for seed in seeds):
            better = shift * ("periodic" in variant) + (rate - 0.5) * ("dropout" in variant)
            for row in run["measures"]:
                row["value"] = row["value"] + better if row["value"] is not None else None
            made.append(run)
    return as_read(results_of(made))


def commit(changes, made, message="results"):
    """Write parameters, tables and Table 1, and commit them; returns the commit."""
    params = json.loads(json.dumps(PARAMS))
    for name, value in changes.items():
        *section, last = name.split(".")
        (params[section[0]] if section else params)[last] = value
    YAML().dump(params, Path("params.yaml"))
    tables.write("reports", made)
    Path("reports/table1.csv").write_text(dict(table1.tables(runs_of(made), {}))["table1.csv"])
    git("add", ".")
    git("commit", "--quiet", "--message", message)
    return git("rev-parse", "HEAD")


def experiment(name, base, changes, made):
    """As `dvc exp run` leaves one: a commit on top of another, on no branch, that a ref of its own names."""
    commit(changes, made)
    git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", "HEAD")
    git("reset", "--quiet", "--hard", base)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """main at T = 5, the experiments T = 2 and 10 with a further seed, and one of another dropout rate."""
    root = tmp_path_factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        git("init", "--quiet", "--initial-branch", "main")
        Path("dvc.yaml").write_text("stages: {report: {cmd: x, outs: [reports/table1.csv: {cache: false}]}}\n")
        base = commit({}, results())
        experiment("two", base, {"interval": 2}, results(2, shift=-0.05))
        more = results(10, shift=0.1, seeds=(*SEEDS, 2))
        experiment("ten", base, {"interval": 10, "seeds": [0, 1, 2]}, more)
        git("branch", "elsewhere")
        git("update-ref", "refs/exps/exec/EXEC_HEAD", base)
    return root


@pytest.fixture
def repository(template, tmp_path, monkeypatch):
    root = shutil.copytree(template, tmp_path / "repository")
    monkeypatch.chdir(root)
    return root


def scores(committed, variant):
    table = committed.measures
    chosen = table[(table[["weights", "split", "measure"]] == ["last", "test", "macro_f1"]).all(axis=1)]
    return chosen[chosen["variant"] == variant]["value"]


def test_the_revisions_at_hand(repository):
    assert [revision.name for revision in at_hand()] == ["main", "two", "ten"]
    assert [revision.name for revision in at_hand(every=True)] == ["main", "elsewhere", "two", "ten"]
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("interval: 5", "interval: 7"))
    assert at_hand()[-1] == ("workspace", None)
    assert [revision.commit for revision in at_hand(["ten", "main"])] == [
        git("for-each-ref", "--format=%(objectname)", "refs/exps/*/*/ten"),
        git("rev-parse", "main"),
    ]
    with pytest.raises(BadInput, match="^three: no branch, tag, commit or experiment; experiments: two, ten$"):
        at_hand(["three"])


@pytest.fixture
def not_drawn(monkeypatch):
    drawn = style.figure()
    drawn.subplots()
    monkeypatch.setattr(study_figure, "draw", lambda results, parameter: drawn)


def test_the_figure_is_a_studys_with_what_does_not_read_the_parameter_as_bands(repository, monkeypatch, capsys):
    drawn, draw = [], study_figure.draw
    monkeypatch.setattr(study_figure, "draw", lambda *given: drawn.append(draw(*given)) or drawn[0])
    sweep.main("interval", [], False, {}, Path("out/interval"))
    assert (
        capsys.readouterr().out
        == "out/interval/: interval 2, 5, 10 in 3 revisions; interval.png, interval.svg, table.md\n"
    )
    assert {path.name for path in Path("out/interval").iterdir()} == {"interval.png", "interval.svg", "table.md"}
    axes, _ = drawn[0].axes
    for container, variant in zip(axes.containers, ("periodic", "dropout-periodic"), strict=True):
        line, _, (bars,) = container.lines
        assert line.get_xdata().tolist() == [2, 5, 10] and line.get_color() == style.COLORS[variant]
        made = [results(2, shift=-0.05), results(), results(10, shift=0.1, seeds=(*SEEDS, 2))]
        for mean, ((_, low), (_, high)), each in zip(line.get_ydata(), bars.get_segments(), made):
            values = scores(each, variant)
            assert mean == pytest.approx(values.mean(), abs=1e-5)
            assert (low, high) == pytest.approx(stats.ttest_1samp(values, 0).confidence_interval(0.95), abs=1e-4)
    labels = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    # Where one revision has a seed more, so has the band; no run counts twice.
    assert labels[:3] == ["Baseline (n = 3)", "+ dropout (n = 3)", "+ periodic (n = 2 to 3)"]
    assert labels[3:] == ["+ dropout + periodic (n = 2 to 3)"]
    page = Path("out/interval/table.md").read_text()
    assert re.search(r"^- Revisions: main \(\w{7}\), two \(\w{7}\), ten \(\w{7}\)$", page, re.MULTILINE)
    assert len(re.findall(r"^\| (?:dropout-)?periodic \| (?:2|5|10) \|", page, re.MULTILINE)) == 6


def test_two_parameters_that_differ_are_refused_until_one_is_held(repository, not_drawn):
    base = git("rev-parse", "HEAD")
    experiment("rate", base, {"dropout.p": 0.2}, results(rate=0.2))
    with pytest.raises(BadInput) as error:
        sweep.main("interval", [], False, {}, Path("out"))
    said = "interval and dropout.p differ: say which value to hold, as --hold dropout.p=VALUE (0.2, 0.5)"
    assert str(error.value) == said and not Path("out").exists()
    sweep.main("interval", [], False, {"dropout.p": "0.50"}, Path("out"))
    assert "| dropout-periodic | 10 | 3 |" in Path("out/table.md").read_text()
    sweep.main("dropout.p", [], False, {"interval": "5"}, Path("out"))
    rows = re.findall(r"^\| (\S+) \| (\S*) \| (\d) \|", Path("out/table.md").read_text(), re.MULTILINE)
    assert {("dropout", "0.2", "2"), ("dropout-periodic", "0.5", "2"), ("periodic", "", "2")} <= set(rows)


def committed(name, made, **asked):
    return Committed(name, {"interval": "5", "dropout.p": "0.5"} | asked, made)


@pytest.mark.parametrize(
    ("other", "asked", "said"),
    [
        (dict(crops="food" * 8), "10", "other: other data than main: crops"),
        (dict(dataset="fer2013"), "10", "other: other data than main: dataset fer2013, there faces"),
        (dict(), "5", "interval is 5 in all runs of main, other; what differs there: nothing"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(other, asked, said):
    variants = ("baseline", "periodic")
    mine = committed("main", results(variants=variants))
    theirs = committed("other", results(int(asked), variants=variants, **other), interval=asked)
    with pytest.raises(BadInput) as error:
        joined([mine, theirs], "interval", {})
    assert str(error.value).startswith(said) and "\n" not in str(error.value)


def test_runs_that_should_be_equal_and_are_not_are_refused():
    variants = ("baseline", "periodic")
    measures = results(10, variants=variants).measures.copy()
    measures.loc[measures["variant"] == "baseline", "value"] += 0.01
    changed = replace(results(10, variants=variants), measures=measures)
    with pytest.raises(BadInput, match="^baseline/0 of other and of main are alike in their parameters, not in their"):
        joined(
            [committed("main", results(variants=variants)), committed("other", changed, interval="10")], "interval", {}
        )
    with pytest.raises(BadInput, match=r"^nothing.of is read by no run of main; what differs there: nothing$"):
        joined([committed("main", results(variants=variants))], "nothing.of", {})


def test_a_changed_file_that_nothing_was_run_with_is_no_value(repository, not_drawn):
    """The workspace's runs are those of T = 5, whatever params.yaml asks for by now."""
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("interval: 5", "interval: 7"))
    sweep.main("interval", [], False, {}, Path("out"))
    page = Path("out/table.md").read_text()
    assert "workspace" in page and "| periodic | 5 | 2 |" in page and "| periodic | 7 |" not in page


def test_what_a_stage_makes_is_not_written_over(repository):
    for folder in ("reports", "reports/table1.csv"):
        with pytest.raises(BadInput, match=f"^{folder}: the stage report writes there; --out names another folder$"):
            sweep.main("interval", [], False, {}, Path(folder))


def test_damage_in_another_revision_is_named(repository):
    Path("reports/runs.csv").write_text("run\n")
    git("commit", "--quiet", "--all", "--message", "damaged")
    git("tag", "damaged")
    with pytest.raises(BadInput, match="^damaged:reports/runs.csv: no column variant"):
        sweep.main("interval", ["damaged", "main"], False, {}, Path("out"))


def test_experiments_stand_side_by_side_in_100_columns(repository, capsys):
    compare.main([], False)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    for name, interval, n in (("main", 5, 2), ("two", 2, 2), ("ten", 10, 3)):
        seeds = re.escape(str(list(range(n))))
        assert re.search(rf"^{name} +seeds={seeds} +interval={interval} +{n} ", text, re.MULTILINE), name
    ours = scores(results(10, shift=0.1, seeds=(*SEEDS, 2)), "periodic")
    low, high = stats.ttest_1samp(ours, 0).confidence_interval(0.95)
    assert f"{ours.mean():.3f} ±{f'{(high - low) / 2:.3f}'.removeprefix('0')}" in text
    assert "train.epochs" not in text


def test_what_has_no_room_stands_below():
    differs = {"a-name-that-is-far-too-long-to-stand-there": ["train.learning_rate=0.0001", "interval=5"], "b": ["x=1"]}
    found = dict.fromkeys(VARIANTS, (3, "0.339 ±.031"))
    lines = compare.table(differs, dict.fromkeys(differs, found) | {"b": {}})
    assert max(map(len, lines)) <= 100 and "    train.learning_rate=0.0001  interval=5" in lines
    assert re.search(r"^b +–( +–){4}$", "\n".join(lines), re.MULTILINE)
