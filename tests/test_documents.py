"""README.md and docs/ against the code: what they quote, link to and name is there."""

import re
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages.params import Params, read, with_values
from stages.reporting import readme, style
from stages.reporting.measures import LOSS, MEASURES, PAPERS, PRIMARY
from tests.pipeline.pipelines import ROOT, STAGES, outs

PAGES = [*readme.pages(ROOT), ROOT / "CHANGELOG.md"]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
BLOCK = re.compile(r"^( *)```.*?^\1```$", re.DOTALL | re.MULTILINE)
VALUES = read(ROOT / "params.yaml").model_dump()
MADE = [ROOT / "reports/studies", *(ROOT / out for stage in STAGES.values() for out in outs(stage))]
EVERYWHERE = pytest.mark.parametrize("page", PAGES, ids=NAMES)


def text_of(page):
    return page.read_text(encoding="utf-8")


def prose_of(page):
    """Without the blocks of code."""
    return BLOCK.sub("", text_of(page))


def in_code(page):
    """What stands between single backticks."""
    return re.findall(r"`([^`\n]+)`", prose_of(page))


def there(path):
    """Whether the repository has it, or a stage makes it: in a clone, what is not committed is not there yet."""
    return path.exists() or any(path == out or out in path.parents for out in MADE)


def default(name):
    """The value of a parameter in params.yaml. Raises KeyError where there is no such name."""
    value = VALUES
    for part in name.split("."):
        value = value[part]
    return value


def test_the_readme_is_short():
    words = [word for word in text_of(ROOT / "README.md").split() if re.search("[a-zA-Z]", word)]  # no bars, no numbers
    assert len(words) < 900


@EVERYWHERE
def test_lines_are_wrapped(page):
    free = ("|", "![", "[")  # a row of a table and an address cannot be broken
    lines = prose_of(page).splitlines()
    assert not [line for line in lines if len(line) > 120 and not line.startswith(free)]
    assert not [line for line in lines if line.count("`") % 2], "code is kept on one line"


@EVERYWHERE
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert there(linked), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", prose_of(linked), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings], (
                target
            )


@EVERYWHERE
def test_what_is_quoted_is_what_the_command_makes(page):
    assert text_of(page) == readme.renewed(text_of(page), ROOT), "write it anew: python -m stages.reporting.readme"


def test_the_parts_are_where_they_belong():
    def parts(page):
        return re.findall(r"<!-- end of (.+) -->", text_of(ROOT / page))

    assert parts("README.md") == ["table 1", "verdicts"]
    assert parts("docs/data.md") == ["data sets"]
    assert parts("docs/long-runs.md") == ["benchmark"]


def test_the_numbers_of_the_readme_are_those_of_table1_csv():
    rows = pd.read_csv(ROOT / "reports/table1.csv")
    quoted = {
        label: [cell.strip() for cell in cells.split("|")]
        for label, cells in re.findall(r"^\| ([^|]*?) \|(.*)\|$", text_of(ROOT / "README.md"), re.MULTILINE)
    }
    head = next(line for line in text_of(ROOT / "README.md").splitlines() if "| Baseline |" in line)
    first = [cell.strip() for cell in head.split("|")[2:-1]]
    assert first == [style.title(variant) for variant in rows["variant"].unique()]
    ratios = rows[rows["measure"] == LOSS]["ratio"]
    compared = 1
    assert quoted[f"**{MEASURES[LOSS].title}, relative to Baseline, ours**"] == [f"{ratio:.2f}" for ratio in ratios]
    for measure in (PAPERS, PRIMARY):
        found = rows[rows["measure"] == measure]
        if len(found):
            ours = quoted[f"**{MEASURES[measure].title}, ours**"]
            expected = [f"{mean:.3f}" for mean in found["mean"]]
            assert [cell.split(" ± ")[0] for cell in ours] == expected
            compared += 1
    assert compared >= 2


def test_the_ratio_the_papers_score_and_the_one_to_judge_by_are_quoted(tmp_path):
    page = f"""# Table 1 on Stripes

Ours: 2 epochs.
Paper: elsewhere.

|  | Baseline | + new |
| --- | ---: | ---: |
| {MEASURES[LOSS].title}, paper | 41.24 | – |
| **{MEASURES[LOSS].title}, ours** | 0.1 | 0.2 |
| relative to Baseline, paper | 1.00 | – |
| **relative to Baseline, ours** | 1.00 | 2.00 |
| {MEASURES[PAPERS].title}, paper | 0.34 | – |
| **{MEASURES[PAPERS].title}, ours** | 0.3 ± 0.1 [0.2, 0.4] | 0.4 ± 0.1 [0.3, 0.5] |
| **{MEASURES[PRIMARY].title}, ours** | 0.2 ± 0.1 | 0.3 ± 0.1 |
| **Another, ours** | 0.7 | 0.8 |

Words.

| of another table | 1 | 2 |

"""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/table1.md").write_text(page, encoding="utf-8")
    assert list(readme.table1(tmp_path)) == [
        "**Table 1 on Stripes.** Ours: 2 epochs. Paper: elsewhere.",
        "",
        "|  | Baseline | + new |",
        "| --- | ---: | ---: |",
        f"| {MEASURES[LOSS].title}, relative to Baseline, paper | 1.00 | – |",
        f"| **{MEASURES[LOSS].title}, relative to Baseline, ours** | 1.00 | 2.00 |",
        f"| {MEASURES[PAPERS].title}, paper | 0.34 | – |",
        f"| **{MEASURES[PAPERS].title}, ours** | 0.3 ± 0.1 | 0.4 ± 0.1 |",
        f"| **{MEASURES[PRIMARY].title}, ours** | 0.2 ± 0.1 | 0.3 ± 0.1 |",
    ]


def test_an_unknown_part_is_refused():
    with pytest.raises(readme.BadInput, match="no such part; there are table 1, verdicts, data sets, benchmark"):
        readme.renewed("<!-- tabel 1 -->\nx\n<!-- end of tabel 1 -->", ROOT)


@EVERYWHERE
def test_every_parameter_that_is_named_can_have_the_value_that_is_named(page):
    whole = read(ROOT / "params.yaml")
    options = re.findall(r"-S '?(?!studies)([\w.]+)=([^\s'`]+)", text_of(page))
    named = [re.fullmatch(r"([a-z_]+(?:\.\w+)*): (.+)", code) for code in in_code(page)]
    pairs = [(name, [value]) for name, value in (match.groups() for match in named if match)]
    pairs += [(name, [value] if value.startswith("[") else value.split(",")) for name, value in options]
    for name, values in pairs:
        if name.split(".")[0] in Params.model_fields:
            for value in values:
                with_values(whole, {name: YAML(typ="safe").load(value)}, f"{page.name}: {name}: {value}")
            default(name)
    for code in in_code(page):
        section, _, name = code.partition(".")
        if re.fullmatch(r"\w+", name) and isinstance(VALUES.get(section), dict):
            default(code)


def test_the_decisions_name_the_defaults():
    rows = [line for line in text_of(ROOT / "docs/decisions.md").splitlines() if line.startswith("| ")][2:]
    defaults = [pair for row in rows for pair in re.findall(r"`([a-z_.]+): ([^`]+)`", row.split(" | ")[2])]
    assert len(defaults) > 12
    for name, value in defaults:
        assert default(name) == YAML(typ="safe").load(value), name


@pytest.mark.parametrize("page", PAGES[:-1], ids=NAMES[:-1])  # the changelog names what is gone
def test_every_path_that_is_named_is_there(page):
    lines = [line for line in prose_of(page).splitlines() if not line.endswith("a new file:")]
    for code in re.findall(r"`([^`\n]+)`", "\n".join(lines)):
        path = code.split(":")[0]
        if re.fullmatch(r"(stages|noise|tests|studies|benchmarks|data|reports|docs)/[\w./-]+", path):
            assert there(ROOT / path), path


@EVERYWHERE
def test_every_command_is_there(page):
    for module, rest in re.findall(r"python -m ((?:stages|benchmarks)[\w.]*)([^`\n#]*)", text_of(page)):
        source = ROOT / f"{module.replace('.', '/')}.py"
        assert source.is_file(), module
        code = text_of(source)
        if "each_run import" in code:  # what is done of every run has one command line
            code += text_of(ROOT / "stages/running/each_run.py")
        for option in re.findall(r"--[a-z-]+", rest):
            assert f'"{option}"' in code, f"{module} {option}"
    targets = re.findall(r"^(\w+):", text_of(ROOT / "Makefile"), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z]+)\b(?= *[`\n#N])", text_of(page))) <= set(targets)


def test_stages_variants_and_studies_are_all_told_of():
    layout, studies = text_of(ROOT / "docs/layout.md"), text_of(ROOT / "docs/experiments.md")
    for name in (name.removeprefix("dvc.yaml:") for name in STAGES if name.startswith("dvc.yaml:")):
        told = re.sub(r"^(train|evaluate)-.*", r"\1-<variant>", name)
        assert f"| `{told}` |" in layout, name
    for file in Path(ROOT / "studies").glob("*/dvc.yaml"):
        assert f"| `{file.parent.name}` |" in studies
    for room in (path for path in (ROOT / "stages").iterdir() if path.is_dir() and not path.name.startswith("_")):
        assert f"`stages/{room.name}/`" in layout
