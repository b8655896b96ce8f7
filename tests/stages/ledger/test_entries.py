import pytest

from stages import variants
from stages.ledger.entries import CIRCLES, MAIN, read_entries, side, sides
from stages.params import read as read_params
from stages.results.inputs import BadInput
from stages.running.wiring import argument
from tests.pipeline.pipelines import FILES, ROOT, stages
from tests.stages.ledger.ledgers import entry, read

ENTRIES = read_entries(ROOT / "data/paper/claims.yaml", ROOT)


def trained(rows):
    """The variants that are trained for these rows."""
    (file,) = [file for file in FILES if file.parent.name == rows or (rows == MAIN and file.parent == ROOT)]
    return {argument(stage, "variant") for stage in stages(file).values()} - {None}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_names_what_its_rows_have(name):
    """The study robustness evaluates the root's runs. Of the circles, the rows themselves tell when they are read."""
    for rows in set(ENTRIES[name].rows) - set(CIRCLES):
        known = trained(MAIN if rows == "robustness" else rows)
        vary = {} if rows in (MAIN, "robustness") else read_params(ROOT / "studies" / rows / "params.yaml").vary
        for named in sides(ENTRIES[name]):
            assert named.variant in known, f"{rows} trains {sorted(known)}"
            for parameter, values in named.values.items():
                assert set(values) <= set(map(str, vary[parameter])), (
                    f"{rows} varies {parameter} over {vary[parameter]}"
                )


def test_both_sources_and_every_kind_are_there():
    assert {each.source for each in ENTRIES.values()} == {"paper", "tutorial", "ours"}
    kinds = {"superiority", "equivalence", "noninferiority", "level", "share", "spread", "identity"}
    assert {each.kind for each in ENTRIES.values()} == kinds
    assert {name for name, each in ENTRIES.items() if each.family == "primary"} == {"P02", "P10", "P12", "P14", "P16"}


def test_a_side_is_a_variant_with_values():
    assert side("dropout-periodic")[1:] == ("dropout-periodic", {}, False)
    found = side("best periodic[interval=5|7, periodic.unit=epoch]")
    assert found[1:] == ("periodic", {"interval": ("5", "7"), "periodic.unit": ("epoch",)}, True)


MALFORMED = {
    "no such kind": (entry(kind="superior"), "A.kind: 'superior': expected one of superiority, equivalence, "),
    "no kind": (entry(kind=None), "A.kind: 'missing': expected one of superiority"),
    "a field is missing": (entry(margin=None), "A.margin: missing"),
    "a field of another kind": (
        entry(kind="equivalence"),
        "A.direction: no such field of the kind equivalence; there are source",
    ),
    "a slip in a name": (entry(marginal=1), "A.marginal: no such field of the kind superiority; did you mean margin?"),
    "no number": (entry(margin="big"), "A.margin: 'big': must be a valid number"),
    "a margin of nothing": (entry(margin=0), "A.margin: 0: must be greater than 0"),
    "no such direction": (entry(direction="up"), "A.direction: 'up': must be 'more' or 'less'"),
    "no rows": (entry(rows=[]), "A.rows: []: List must have at least 1 item"),
    "no such study": (entry(rows=["intervall"]), "A: rows: no study 'intervall'; did you mean interval?"),
    "no such variant": (entry(ours="perodic"), "A: no variant 'perodic' in stages/variants; did you mean periodic?"),
    "no variant": (entry(ours="periodic[5]"), "A: 'periodic[5]': '5' is no parameter=value"),
    "brackets": (entry(against="base]line"), "A: 'base]line': expected a variant, as in periodic[interval=5] or best"),
    "nothing to hold against": (entry(kind="equivalence", direction=None, against=None), "A.against: missing"),
    "a bound of a share": (
        entry(kind="share", against=None, direction=None, margin=None, share=0.5),
        "A: must have one of least and most",
    ),
    "a level of a difference": (
        entry(kind="level", direction=None, margin=None, printed=1),
        "A.against: no such field of the kind level; there are source, where, ",
    ),
}


@pytest.mark.parametrize("fields, line", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_entry_is_one_line(tmp_path, fields, line):
    (tmp_path / "studies/interval").mkdir(parents=True)
    (tmp_path / "studies/interval/dvc.yaml").touch()
    with pytest.raises(BadInput) as raised:
        read(tmp_path, A=fields, B=entry())
    (said,) = str(raised.value).splitlines()
    assert said.startswith(f"{tmp_path / 'claims.yaml'}: {line}")


def test_an_entry_without_a_name_is_one_line(tmp_path):
    with pytest.raises(BadInput, match="claims.yaml: an entry without a name; expected one like P02$"):
        read(tmp_path, **{'""': entry()})


def test_every_mistake_is_a_line(tmp_path):
    with pytest.raises(BadInput) as raised:
        read(tmp_path, A=entry(margin=-1), B=entry(direction="up"))
    assert [line.split(": ")[1] for line in str(raised.value).splitlines()] == ["A.margin", "B.direction"]


@pytest.mark.parametrize("text", ["A: [", "A: {}\nA: {}", "- A", "A: 5"], ids=["open", "twice", "list", "number"])
def test_a_file_of_something_else_is_one_line(tmp_path, text):
    (tmp_path / "claims.yaml").write_text(text)
    with pytest.raises((BadInput, SystemExit)) as raised:
        read_entries(tmp_path / "claims.yaml", tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / 'claims.yaml'}:") and "\n" not in str(raised.value)


def test_a_variant_of_ones_own_can_be_claimed(tmp_path, monkeypatch):
    monkeypatch.setattr("stages.ledger.entries.names", lambda: [*variants.names(), "mine"])
    assert read(tmp_path, A=entry(ours="mine"))["A"].ours == "mine"
