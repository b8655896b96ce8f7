import io
import re
from xml.etree import ElementTree

import matplotlib.image as mpimg
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from ruamel.yaml import YAML

from stages.reporting import printing, style, training_curves
from stages.reporting.circles import points
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
    axes.plot([1, 2, 3], [2, 3, 4], "o-", color=style.COLORS["periodic"], markerfacecolor=style.PAPER)
    axes.set(title="Loss & <score>", xlabel="epoch")
    return figure


CAPTION = "Thin lines are seeds (n = 6), thick ones their mean. " * 3


def test_a_caption_is_printed_below_the_figure_and_moves_nothing_in_it(drawn):
    plain = png(drawn)
    printing.caption(drawn, "another")
    printing.caption(drawn, CAPTION)
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
    printing.save(figure, written)
    return mpimg.imread(io.BytesIO(written.getvalue()))[..., :3]


def test_an_element_for_a_page_has_text_ids_of_its_own_and_the_pages_ink(drawn):
    printing.caption(drawn, CAPTION)
    text = printing.svg(drawn)
    assert text == printing.svg(drawn) and text.startswith("<svg ") and text.endswith("</svg>")
    root = ElementTree.fromstring(text)
    words = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Loss & <score>" in words and not any("seeds" in each for each in words)
    assert "#000000" not in text and "currentColor" in text and style.COLORS["periodic"].lower() in text
    assert style.PAPER.lower() not in text and "fill: Canvas" in text
    assert "<style" not in text and "font-family: 'DejaVu Sans', sans-serif" in text
    ids = {element.get("id") for element in root.iter()} - {None}
    referred = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    assert {one or other for one, other in referred} <= ids

    drawn.axes[0].set_title("another")
    other = {element.get("id") for element in ElementTree.fromstring(printing.svg(drawn)).iter()} - {None}
    assert not ids & other, "two figures in one page never share an id"
    assert drawn.texts[0].get_visible()


def test_a_file_for_a_paper_has_paths_for_text_and_the_caption(drawn):
    printing.caption(drawn, CAPTION)
    first, second = io.BytesIO(), io.BytesIO()
    printing.save_svg(drawn, first)
    printing.save_svg(drawn, second)
    assert first.getvalue() == second.getvalue()
    root = ElementTree.fromstring(first.getvalue())
    assert not list(root.iter("{http://www.w3.org/2000/svg}text"))
    assert any(element.get("id") == printing.CAPTION for element in root.iter())
    assert "#ffffff" in first.getvalue().decode()


# Machado, Oliveira & Fernandes 2009, Table 1: what protanopes, deuteranopes and tritanopes see, of linear RGB.
SEEN = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(color, seen):
    """CIELAB of a colour as it is seen, for D65."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]] @ (seen @ linear).clip(0, 1)
    x, y, z = np.cbrt(xyz / [0.9505, 1, 1.089])  # the cube root alone: no colour here is darker than where it bends
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("kind", ["normal", *SEEN])
def test_colours_that_are_compared_differ_for_the_colour_blind_too(kind):
    seen = np.array(SEEN.get(kind, np.eye(3)))
    compared = {frozenset(pair) for *_, first, second in training_curves.FIGURES for pair in [(first, second)]}
    pairs = [tuple(style.COLORS[name] for name in sorted(pair)) for pair in compared]
    # The circles' variants have panels or rows of their own, with their names.
    pairs.append(tuple(color for _, color in points.CLASSES.values()))
    for one, other in pairs:
        assert np.linalg.norm(lab(one, seen) - lab(other, seen)) > 20, (one, other)
