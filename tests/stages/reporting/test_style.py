import io
import re
from xml.etree import ElementTree

import matplotlib.image as mpimg
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


@pytest.fixture()
def drawn():
    figure = style.figure()
    axes = figure.subplots()
    axes.plot([1, 2, 3], [1, 3, 2], "o-", color="#000000")
    axes.plot([1, 2, 3], [2, 3, 4], color=style.COLORS["periodic"])
    axes.set(title="Loss & <score>", xlabel="epoch")
    return figure


CAPTION = "Thin lines are seeds (n = 6), thick ones their mean. " * 3


def test_a_caption_is_printed_below_the_figure_and_moves_nothing_in_it(drawn):
    plain = png(drawn)
    style.caption(drawn, "another")
    style.caption(drawn, CAPTION)
    assert drawn.get_label() == CAPTION and len(drawn.texts) == 1 and drawn.texts[0].get_fontsize() >= 6
    captioned = png(drawn)
    height = len(plain)
    assert captioned.shape[1] == plain.shape[1] and len(captioned) > height
    assert (captioned[:height] == plain).all()
    below = (captioned[height:] < 1).any(axis=(0, 2)).nonzero()[0]
    assert below.min() > 0 and below.max() < plain.shape[1] - 1, "the caption is as wide as the figure at most"
    assert (captioned[-3:] == 1).all(), "and has a margin below it"


def png(figure):
    written = io.BytesIO()
    style.save(figure, written)
    return mpimg.imread(io.BytesIO(written.getvalue()))[..., :3]


def test_an_element_for_a_page_has_text_ids_of_its_own_and_the_pages_ink(drawn):
    style.caption(drawn, CAPTION)
    text = style.svg(drawn)
    assert text == style.svg(drawn) and text.startswith("<svg ") and text.endswith("</svg>")
    root = ElementTree.fromstring(text)
    words = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Loss & <score>" in words and not any("seeds" in each for each in words)
    assert "#000000" not in text and "currentColor" in text and style.COLORS["periodic"].lower() in text
    assert "<style" not in text and "font-family: 'DejaVu Sans', sans-serif" in text
    ids = {element.get("id") for element in root.iter()} - {None}
    referred = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    assert {one or other for one, other in referred} <= ids

    drawn.axes[0].set_title("another")
    other = {element.get("id") for element in ElementTree.fromstring(style.svg(drawn)).iter()} - {None}
    assert not ids & other, "two figures in one page never share an id"
    assert drawn.texts[0].get_visible()


def test_a_file_for_a_paper_has_paths_for_text_and_the_caption(drawn):
    style.caption(drawn, CAPTION)
    first, second = io.BytesIO(), io.BytesIO()
    style.save_svg(drawn, first)
    style.save_svg(drawn, second)
    assert first.getvalue() == second.getvalue()
    root = ElementTree.fromstring(first.getvalue())
    assert not list(root.iter("{http://www.w3.org/2000/svg}text"))
    assert any(element.get("id") == style.CAPTION for element in root.iter())
    assert "#ffffff" in first.getvalue().decode()
