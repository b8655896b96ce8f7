"""A page of HTML as a test reads it, by Python's own parser."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source")


@dataclass(eq=False)
class Element:
    tag: str
    attributes: dict
    parent: "Element | None" = None
    children: list = field(default_factory=list)

    def __getitem__(self, name):
        return self.attributes.get(name)

    def __iter__(self):
        """All elements below, in the order of the page."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child

    def all(self, tag, **attributes):
        names = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [each for each in self if each.tag == tag and names.items() <= each.attributes.items()]

    def one(self, tag, **attributes):
        (found,) = self.all(tag, **attributes)
        return found

    @property
    def above(self):
        return [] if self.parent is None else [self.parent, *self.parent.above]

    @property
    def classes(self):
        return (self["class"] or "").split()

    @property
    def text(self):
        words = "".join(child if isinstance(child, str) else child.text for child in self.children)
        return " ".join(words.split())

    @property
    def rows(self):
        """The cells of a table's body, as text."""
        return [
            [cell.text for cell in row.children if isinstance(cell, Element)] for row in self.one("tbody").all("tr")
        ]


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("", {})
        self.wrong = []

    def handle_starttag(self, tag, attributes):
        element = Element(tag, dict(attributes), self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_startendtag(self, tag, attributes):
        self.at.children.append(Element(tag, dict(attributes), self.at))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if tag != self.at.tag:
            self.wrong.append(f"</{tag}> within <{self.at.tag}> at line {self.getpos()[0]}")
        self.at = self.at.parent or self.root

    def handle_data(self, words):
        self.at.children.append(words)


def read(path):
    """The page's root. Raises AssertionError where an element is not closed as it was opened."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert not reader.wrong, reader.wrong[:3]
    assert reader.at is reader.root
    return reader.root
