"""The page as whoever cannot see it meets it: landmarks, headings, names; and that it needs nothing beside it."""

import re
from collections import Counter
from itertools import pairwise

import pytest

from stages.ledger.page import VERDICTS as OF_THE_LEDGER
from stages.reporting.page import build, markdown
from tests.stages.reporting.page.reading import read

MOST = 3_000_000  # bytes


@pytest.fixture(scope="module", params=["committed", "own"])
def page(request, committed, own):
    return committed if request.param == "committed" else read(own)


def test_it_is_one_small_file(root, own):
    for path in (root / "reports/index.html", own):
        assert path.stat().st_size < MOST


def test_the_question_is_that_of_the_readme(page, root):
    first = (root / "README.md").read_text(encoding="utf-8").splitlines()[0]
    assert page.one("h1").text == first.removeprefix("# ")


def test_ids_are_unique_and_what_refers_to_one_finds_it(page):
    ids = Counter(element["id"] for element in page if element["id"])
    assert not [name for name, times in ids.items() if times > 1]
    refers = {element["href"] for element in page if element.tag in ("a", "use") and element["href"]}
    assert refers and all(target.startswith("#") for target in refers)
    labelled = {f"#{element['aria-labelledby']}" for element in page if element["aria-labelledby"]}
    assert {target[1:] for target in refers | labelled} <= set(ids)
    uses = {name for element in page for value in element.attributes.values() for name in url(value)}
    assert uses <= set(ids)


def url(value):
    return re.findall(r"url\(#([^)]+)\)", value or "")


def test_landmarks_and_headings_are_in_order(page):
    assert [page.one("main")["id"], page.one("nav")["aria-label"]] == ["main", "Contents"]
    assert page.one("html")["lang"] == "en" and page.one("title").text and len(page.all("footer")) == 1
    levels = [int(element.tag[1]) for element in page if re.fullmatch(r"h[1-6]", element.tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(element.text for element in page if re.fullmatch(r"h[1-6]|summary", element.tag))


def test_the_contents_lead_to_every_section(page):
    sections = [element["id"] for element in page.one("main").children if getattr(element, "tag", "") == "section"]
    links = [link["href"] for link in page.one("nav").all("a")]
    assert sections == list(build.SECTIONS) and links == [f"#{name}" for name in sections]
    assert next(link for link in page.all("a"))["href"] == "#main", "the first thing that a keyboard meets"


def test_every_picture_has_a_name_or_is_said_in_words_beside_it(page):
    pictures = [element for element in page if element.tag in ("svg", "img")]
    assert len(pictures) > 20
    for picture in pictures:
        hidden = any(element["aria-hidden"] == "true" for element in [picture, *picture.above])
        assert hidden or (picture["role"] == "img" and picture["aria-label"]) or picture["alt"]


def test_every_table_has_a_caption_and_scopes_and_scrolls_alone(page):
    tables = page.all("table")
    assert len(tables) > 10
    for table in tables:
        assert table.one("caption").text
        region = table.parent
        assert region["role"] == "region" and region["tabindex"] == "0" and region["aria-label"]
        assert {cell["scope"] for cell in table.one("thead").all("th")} == {"col"}
        heads = [row.children[0] for row in table.one("tbody").all("tr") if hasattr(row.children[0], "tag")]
        assert all(head.tag == "th" and head["scope"] == "row" for head in heads)
        columns = len(table.one("thead").all("th") + table.one("thead").all("td"))
        assert {len(row) for row in table.rows} == {columns}


def test_fields_have_labels_and_what_needs_the_script_says_so(page):
    fields = page.all("select") + page.all("input")
    assert len(fields) == 4 and all(field.parent.tag == "label" and field.parent.text for field in fields)
    assert "hidden" in page.one("form").attributes and all("hidden" in each.attributes for each in canvases(page))
    assert [each for each in page.all("p") if "needs-script" in each.classes]


def canvases(page):
    return [element for element in page.all("div") if "canvas" in element.classes]


def test_nothing_is_fetched(page):
    policy = page.one("meta", http_equiv="Content-Security-Policy")["content"]
    assert policy.startswith("default-src 'none'; ")
    for element in page:
        for name in ("src", "srcset", "data", "poster", "action"):
            assert (element[name] or "data:").startswith("data:")
    assert [element["href"] for element in page.all("link")] == ["data:,"]
    assert "url(http" not in page.one("style").text and "@import" not in page.one("style").text


def test_the_verdicts_are_those_of_the_ledger():
    assert set(markdown.VERDICTS) == set(OF_THE_LEDGER)
