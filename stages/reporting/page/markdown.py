"""Our own pages of Markdown as parts of a page of HTML: their text, and their tables as tables.

What the user's data are called is text, whatever stands in it: no HTML, no picture and no link out of it gets through.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LONG = 20  # characters at the head of a row, for which its column must not be squeezed
LEDGER = "claims.md"  # a link to it is one to the section #verdicts
VERDICTS = ("holds", "does not hold", "contradicted", "undecided", "not run")
_VERDICT = re.compile(rf"<strong>({'|'.join(VERDICTS)})</strong>,?")
_NUMBER = r"(?:× ?)?[+−-]?\d[\d.,]*"
_TOGETHER = re.compile(r"(?<=\d) (±|to) (?=[+−]?\d)")  # a number and its spread, or two ends
_INTERVAL = re.compile(rf"\[{_NUMBER}, {_NUMBER}\]")


@dataclass(frozen=True)
class Table:
    """Cells as HTML. right: whether each column is set flush right, as numbers are."""

    head: list[Markup]
    right: list[bool]
    rows: list[list[Markup]]

    @property
    def layout(self) -> str:
        """Classes: of intervals that need a line of their own, of many columns, of long words at the head of a row."""
        columns, longest = len(self.head), max((len(row[0].striptags()) for row in self.rows), default=0)
        fits = {"stacked": columns <= 4, "many": columns <= 7, "long": longest <= LONG}
        return " ".join(name for name, does in fits.items() if not does)

    def only(self, wanted: Callable[[str], bool]) -> "Table":
        """The rows whose first cell, as text, is wanted."""
        return Table(self.head, self.right, [row for row in self.rows if wanted(row[0].striptags())])


@dataclass
class Part:
    """A heading, as text, and what stands below it: text as HTML, and tables."""

    title: str
    content: list[Markup | Table] = field(default_factory=list)

    @property
    def tables(self) -> list[Table]:
        return [content for content in self.content if isinstance(content, Table)]

    @property
    def text(self) -> Markup:
        """All but the tables."""
        return Markup().join(content for content in self.content if not isinstance(content, Table))


def parts(text: str) -> list[Part]:
    """The page heading by heading; the first part, without a title, is what stands above all of them."""
    parser, found, loose = _parser(), [Part("")], []
    tokens = iter(parser.parse(text))
    for token in tokens:
        if token.type not in ("heading_open", "table_open"):
            loose.append(token)
            continue
        _put(found[-1], parser, loose)
        loose = []
        if token.type == "heading_open":
            found.append(Part(_inline(parser, next(tokens)).striptags()))
            next(tokens)
        else:
            found[-1].content.append(_table(parser, tokens))
    _put(found[-1], parser, loose)
    return found


def part(pages: Sequence[Part], title: str) -> Part:
    """The part with a title; an empty one where there is none."""
    return next((found for found in pages if found.title == title), Part(title))


def badge(verdict: str) -> Markup:
    """A verdict of the ledger as it stands in every table of the page."""
    return Markup('<span class="verdict {}">{}</span>').format(verdict.replace(" ", "-"), verdict)


def _put(found: Part, parser: "MarkdownIt", tokens: "list[Token]") -> None:
    if tokens:
        html = parser.renderer.render(tokens, parser.options, {})
        found.content.append(Markup(html.replace(f">{LEDGER}</a>", ">the verdicts</a>")))


def _table(parser, tokens) -> Table:
    """What stands up to the table's end, of which `tokens` is then behind."""
    rows: list[list[Markup]] = []
    right: list[bool] = []
    for token in tokens:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "th_open":
            right.append("right" in str(token.attrGet("style") or ""))
        elif token.type == "inline":
            rows[-1].append(_cell(_inline(parser, token)))
    return Table(rows[0], right, rows[1:])


def _inline(parser, token) -> Markup:
    return Markup(parser.renderer.renderInline(token.children or [], parser.options, {}))


def _cell(html: Markup) -> Markup:
    """Verdicts and intervals set as such."""
    if html in VERDICTS:
        return badge(html)
    marked = _TOGETHER.sub("\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", html)
    marked = _VERDICT.sub(lambda found: badge(found[1]), marked)
    return Markup(_INTERVAL.sub(lambda found: f'<span class="interval">{found[0]}</span>', marked))


@lru_cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # late: few who import the report write its page

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("link_close", _link_close)
    parser.add_render_rule("code_block", _code)
    parser.add_render_rule("fence", _code)
    return parser


def _link_open(renderer, tokens, place, options, env) -> str:
    """Into the page itself: what a link leads to elsewhere in the repository, a page on its own does not have."""
    path = Path(str(tokens[place].attrGet("href")))
    env["ledger"] = path.name == LEDGER and path.parent.name != "docs"
    return '<a href="#verdicts">' if env["ledger"] else ""


def _link_close(renderer, tokens, place, options, env) -> str:
    return "</a>" if env.pop("ledger", False) else ""


def _code(renderer, tokens, place, options, env) -> str:
    content = Markup.escape(tokens[place].content)
    return f'<pre tabindex="0" role="region" aria-label="Command"><code>{content}</code></pre>\n'
