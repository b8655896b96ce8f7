"""The code of docs/: the pages' blocks run, and so do the two scripts, which differ by two lines."""

import difflib
import re
import runpy

import pytest
import torch

from tests.pipeline.pipelines import ROOT

METHODS = sorted((ROOT / "docs/methods").glob("*.md"))
EXAMPLES = ROOT / "docs/examples"
HEADINGS = ["Use", "Arguments", "What it costs", "What it does to training", "Pitfalls"]


@pytest.mark.parametrize("page", METHODS, ids=lambda page: page.stem)
def test_what_a_methods_page_shows_runs(page):
    torch.manual_seed(0)
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    names = {}
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)
    assert type(names["plain"].layer1[0].bn1) is torch.nn.BatchNorm2d


@pytest.mark.parametrize("page", METHODS, ids=lambda page: page.stem)
def test_the_pages_of_the_methods_have_the_same_parts(page):
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [heading for heading in headings if heading in HEADINGS] == HEADINGS
    assert re.search(r"^Source: `(\S+)`", text, re.MULTILINE)


def test_every_method_has_a_page():
    """Or a part of one."""
    said = (ROOT / "docs/method.md").read_text(encoding="utf-8")
    attached = dict(re.findall(r"`noise\.attach_(\w+)`\]\(methods/(\w+)\.md(?:#[\w-]+)?\)", said))
    assert set(attached.values()) == {page.stem for page in METHODS}
    exported = re.findall(r'"attach_(\w+)"', (ROOT / "noise/__init__.py").read_text(encoding="utf-8"))
    assert set(attached) == set(exported)
    for name, page in attached.items():
        assert f"noise.attach_{name}(" in (ROOT / f"docs/methods/{page}.md").read_text(encoding="utf-8")


def test_the_two_scripts_differ_by_two_lines():
    plain, noisy = ((EXAMPLES / name).read_text(encoding="utf-8").splitlines() for name in ("plain.py", "noisy.py"))
    changed = [line for line in difflib.ndiff(plain, noisy) if line[0] in "+-" and line[2:].strip()]
    assert len(changed) == 2 and all(line.startswith("+ ") for line in changed)


@pytest.mark.filterwarnings("error")
def test_the_two_scripts_run_and_part_at_the_first_turn(capfd):
    def said(name):
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")  # here, where torch is imported already
        out, err = capfd.readouterr()
        assert err == ""
        return re.findall(r"epoch +(\d+): loss (\S+) train", out)

    plain, noisy = said("plain.py"), said("noisy.py")
    assert [epoch for epoch, _ in plain] == [epoch for epoch, _ in noisy] == ["5", "10", "15", "20"]
    assert plain[0] == noisy[0]  # until then it is the plain network
    assert all(one != other for one, other in zip(plain[1:], noisy[1:]))
