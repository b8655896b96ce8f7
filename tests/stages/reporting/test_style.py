import pytest
from ruamel.yaml import YAML

from stages.reporting import style
from tests.stages.reporting.conftest import ROOT


def variants_of_the_default_run():
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    return {name.removeprefix("train-") for name in stages if name.startswith("train-")}


def test_every_variant_of_the_default_run_has_a_colour_of_its_own():
    missing = variants_of_the_default_run() - set(style.COLORS)
    assert not missing, f"stages/reporting/style.py, COLORS: add a line for {', '.join(sorted(missing))}"
    assert len(set(style.COLORS.values()) | set(style.FREE)) == len(style.COLORS) + len(style.FREE)


@pytest.mark.parametrize(
    "variant, title",
    [
        ("baseline", "Baseline"),
        ("dropout", "+ dropout"),
        ("dropout-periodic", "+ dropout + periodic"),
        ("gaussian", "+ gaussian"),
        ("mirror", "+ mirror"),
        ("negate-weights", "+ negate-weights"),
    ],
)
def test_titles_come_from_names(variant, title):
    assert style.title(variant) == title == style.looks([variant])[variant].title


def test_an_unknown_variant_takes_the_next_free_colour():
    looks = style.looks(["new", "dynamic", "newer", "baseline"])
    assert list(looks) == ["new", "dynamic", "newer", "baseline"]
    assert [look.color for look in looks.values()] == [style.FREE[0], "#D55E00", style.FREE[1], "#000000"]
    assert len(style.looks(map(str, range(20)))) == 20  # they repeat rather than fail
