"""Matplotlib's SVG files as elements of an HTML page: several in one page, in the page's own colour of ink."""

import hashlib
import re


def inline(text: str, paper: str) -> str:
    """The `<svg>` element of matplotlib's SVG file: no prologue, no style sheet that would reach the rest of the page.

    Every id has a prefix made of the drawing, so that elements never refer into a neighbour. Pure black is written as
    `currentColor`, and the colour `paper` (#FFFFFE) as the page's ground; all other colours stay. The same file gives
    the same element.
    """
    element = text[text.index("<svg") :].strip()
    element = re.sub(r"\s*<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    # What matplotlib writes as a rule for all elements, `*{...}`, is inherited from the root instead. So is the fill:
    # matplotlib writes none where it is black.
    element = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", element, count=1, flags=re.DOTALL)
    inherited = 'fill="currentColor" stroke-linejoin="round" stroke-linecap="butt"'
    element = element.replace("<svg ", f"<svg {inherited} ", 1)
    element = element.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "").replace("xlink:href=", "href=")
    element = re.sub(r"(fill|stroke): #000000", r"\1: currentColor", element)
    element = re.sub(rf"(fill|stroke): {paper.lower()}", r"\1: Canvas", element)
    element = element.replace("font-family: 'DejaVu Sans'", "font-family: 'DejaVu Sans', sans-serif")
    element = re.sub(r"(font: [\d.]+px) 'DejaVu Sans'", r"\1 'DejaVu Sans', sans-serif", element)
    prefix = "f" + hashlib.sha256(element.encode()).hexdigest()[:10]
    return re.sub(r'(\bid="|\bhref="#|url\(#)', rf"\g<1>{prefix}-", element)
