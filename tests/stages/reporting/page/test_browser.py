"""The pages in a real browser without network: drawn, readable at every width, in both schemes, on paper, by keyboard.

Chromium is Debian's (`apt-get install chromium`); where it must be there (CI), its absence fails.
"""

import os
import shutil

import pandas as pd
import pytest

REQUIRED = os.environ.get("CI") or os.environ.get("CHROMIUM_REQUIRED")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PHONE, LAPTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
DRAWN = "html[data-charts=drawn]"
RATIO = 4.5  # WCAG 2.2, AA, of text; 3 where it is large


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        (pytest.fail if REQUIRED else pytest.skip)("no chromium here: `apt-get install chromium` brings it")
    from playwright.sync_api import sync_playwright

    # Chromium's sandbox does not run as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


class Tab:
    """A page, and what it said and asked for."""

    def __init__(self, context, path):
        self.said, self.asked = [], []
        self.page = context.new_page()
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())


def tab_of(browser, path, **options):
    return Tab(browser.new_context(offline=True, viewport=LAPTOP, **options), path)


@pytest.fixture(scope="module", params=["committed", "own"])
def tab(request, browser, root, own):
    found = tab_of(browser, root / "reports/index.html" if request.param == "committed" else own)
    found.page.wait_for_selector(DRAWN)
    found.name = request.param
    yield found
    found.page.context.close()


@pytest.fixture
def page(tab):
    tab.page.set_viewport_size(LAPTOP)
    tab.page.emulate_media(color_scheme="light", media="screen")
    return tab.page


def test_it_says_nothing_and_asks_for_nothing(tab, page):
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    assert tab.said == []
    assert [url for url in tab.asked if not url.startswith("data:")] == [page.url]


def test_charts_are_drawn(tab, page):
    """A line for each run and for each variant's mean; twice where training and validation are compared."""
    runs, variants = (30, 5) if tab.name == "committed" else (6, 3)
    for name, times in (("loss", 1), ("score", 1), ("overfitting", 2)):
        chart = page.locator(f"#chart-{name} .canvas svg.marks")
        assert chart.locator(".mark-line path").count() == times * (runs + variants)
        lengths = chart.locator(".mark-line path").evaluate_all("lines => lines.map(line => line.getTotalLength())")
        assert min(lengths) > 100, "pixels"
        assert chart.locator(".mark-rect path").count() > 0, "flipped stretches"
        ticks = chart.locator(".role-axis-label text").all_text_contents()
        epochs = 14 if tab.name == "committed" else 6
        assert ticks[:epochs] == [str(epoch) for epoch in range(1, epochs + 1)]
        canvas = page.locator(f"#chart-{name} .canvas")
        assert canvas.get_attribute("role") == "graphics-document"
        assert "The numbers stand in the table below" in canvas.get_attribute("aria-label")


@pytest.mark.parametrize("size", [PHONE, LAPTOP], ids=["phone", "laptop"])
def test_the_page_scrolls_downwards_alone(page, size):
    page.set_viewport_size(size)
    for opened in (False, True):
        page.evaluate("open => document.querySelectorAll('details').forEach(each => each.open = open)", opened)
        page.wait_for_timeout(100)  # until the charts have their new width
        widths = page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
        assert max(widths) <= size["width"]
        charts = page.locator(".canvas svg").evaluate_all(
            "charts => charts.map(each => each.getBoundingClientRect().right)"
        )
        assert max(charts) <= size["width"]
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")


def test_the_contents_stay_in_sight(page):
    for size in (LAPTOP, PHONE):
        page.set_viewport_size(size)
        page.locator("#studies").scroll_into_view_if_needed()
        page.evaluate("scrollTo({top: document.body.scrollHeight / 2, behavior: 'instant'})")
        assert 0 <= page.locator("nav ol").bounding_box()["y"] < 200


CONTRAST = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const part = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return rgba(getComputedStyle(document.body).backgroundColor);
  };
  const poor = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.data.trim();
    // In the cells of a confusion matrix, the ground is a picture.
    if (!words || !element.checkVisibility() || element.closest("script, style, option, .on-paper svg")) continue;
    const style = getComputedStyle(element);
    const svg = element instanceof SVGElement;
    const [one, other] = [light(rgba(svg ? style.fill : style.color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    seen += 1;
    if (ratio < (large ? 3 : %s)) poor.push(`${ratio.toFixed(2)} ${element.tagName} ${words.slice(0, 40)}`);
  }
  return [seen, poor];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page, scheme):
    page.emulate_media(color_scheme=scheme)
    grounds = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (grounds == "rgb(20, 23, 26)") == (scheme == "dark")
    seen, poor = page.evaluate(CONTRAST % RATIO)
    assert seen > 300 and not poor


def test_the_legend_turns_variants_off_in_every_chart(page):
    lines = {f"#{name} .canvas .mark-line path": name for name in ("chart-loss", "chart-overfitting")}
    before = {selector: page.locator(selector).count() for selector in lines}
    button = page.locator("#curves .legend button").nth(1)
    button.focus()
    page.keyboard.press("Enter")
    for selector, count in before.items():
        page.wait_for_function("([lines, n]) => document.querySelectorAll(lines).length < n", arg=[selector, count])
    other = page.locator("#overfitting .legend button").nth(1)
    assert button.get_attribute("aria-pressed") == other.get_attribute("aria-pressed") == "false"
    button.click()
    for selector, count in before.items():
        page.wait_for_function("([lines, n]) => document.querySelectorAll(lines).length === n", arg=[selector, count])


def test_a_pointer_is_told_what_it_is_on(page):
    chart = page.locator("#chart-score .canvas svg.marks")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2 + 5, box["y"] + box["height"] / 2)
    page.wait_for_selector("#vg-tooltip-element.visible")
    said = page.locator("#vg-tooltip-element").inner_text()
    assert all(word in said for word in ("variant", "epoch", "lowest seed", "highest seed", "mean"))
    page.mouse.move(2, 2)


def test_the_ledger_is_filtered_from_the_keyboard(tab, page, root):
    rows = page.locator("#ledger tbody tr:visible")
    everything = rows.count()
    page.locator("select[data-filter=verdict]").focus()
    page.keyboard.type("contradicted")
    path = root / "reports/claims.csv"
    expected = 1 if tab.name == "own" else int((pd.read_csv(path)["verdict"] == "contradicted").sum())
    assert rows.count() == expected < everything
    assert page.locator(".filter [role=status]").inner_text() == f"{expected} of {everything} lines"
    page.locator("input[data-filter=words]").fill("no such words")
    assert rows.count() == 0
    page.locator(".filter button").click()
    page.wait_for_function(
        "count => document.querySelectorAll('#ledger tbody tr:not([hidden])').length === count", arg=everything
    )


def test_a_keyboard_reaches_the_answer_first_and_sees_where_it_is(page):
    page.evaluate("scrollTo(0, 0); document.body.tabIndex = -1; document.body.focus()")
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert skip.evaluate("link => link === document.activeElement") and skip.bounding_box()["width"] > 50
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    summary = page.locator("#verdicts details:has(#how) summary")
    summary.focus()
    page.keyboard.press("Enter")
    assert summary.evaluate("each => each.parentElement.open")
    assert summary.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    hidden = "each => !each.matches('.scroll') || each.tabIndex === 0"
    assert page.locator(".scroll").evaluate_all(f"all => all.every({hidden})")


def test_a_link_to_what_is_folded_opens_it(page):
    how = page.locator("#how")
    assert not how.is_visible()
    page.locator("a[href='#how']").first.click()
    how.wait_for(state="visible", timeout=3000)
    assert "corrected for its family" in how.inner_text()
    page.locator("#verdicts details:has(#how) summary").click()


def test_on_paper_all_is_open_and_nothing_navigates(page):
    opened = page.locator("details[open]").count()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("nav, .filter").evaluate_all("all => all.every(each => !each.checkVisibility())")
    assert page.locator(".legend").evaluate_all("all => all.every(each => each.checkVisibility())"), "the only key"
    inside = "all => all.every(each => each.getBoundingClientRect().height > 0)"
    assert page.locator("details > :not(summary)").evaluate_all(inside)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("figure.drawing").evaluate_all(
        "all => all.every(each => getComputedStyle(each).breakInside === 'avoid')"
    )
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0, "in browsers that do not open them by style"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == opened


@pytest.mark.parametrize("motion, scrolls", [("reduce", "auto"), ("no-preference", "smooth")])
def test_motion_is_reduced_where_that_is_wished(page, motion, scrolls):
    page.emulate_media(reduced_motion=motion)
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == scrolls


def test_without_javascript_all_but_the_charts_is_there(browser, root):
    found = tab_of(browser, root / "reports/index.html", java_script_enabled=False)
    page = found.page
    assert page.locator("#ledger tbody tr:visible").count() > 100 and page.locator(".card:visible").count() == 5
    assert page.locator(".filter:visible, .legend:visible, .canvas:visible").count() == 0
    assert page.locator(".needs-script:visible").count() == 2
    page.locator("#chart-score summary").click()
    assert page.locator("#chart-score table tbody tr:visible").count() == 14
    assert found.said == []
    page.context.close()
