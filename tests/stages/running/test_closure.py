"""Which files decide: over a small tree made up for it, and over the project."""

import ast

import pytest

from stages.running import closure as module
from stages.running.closure import closure, digest

TREE = {
    "noise/__init__.py": "from noise.flip import flip\nfrom .sites import find\n",
    "noise/flip.py": "import torch\nfrom noise.sites import find\n",
    "noise/sites.py": "",
    "noise/unused.py": "",
    "stages/params.py": "from stages.secret import x\n",
    "stages/files.py": "",
    "stages/secret.py": "",
    "stages/running/__init__.py": "",
    "stages/running/progress.py": "from stages.secret import x\n",
    "stages/training/__init__.py": "",
    "stages/training/loop.py": """
from typing import TYPE_CHECKING
from stages.training import batches
from stages.running.progress import Progress
from stages.files import write

if TYPE_CHECKING:
    from stages.secret import x
else:
    from stages.training.other import y

def late():
    from stages.crops.store import open_crops
""",
    "stages/training/batches.py": """
import stages.training.augment as augment, os
from .deep import inner
from . import sibling
from ..crops import cut
""",
    "stages/training/augment.py": "",
    "stages/training/sibling.py": "",
    "stages/training/other.py": "",
    "stages/training/unused.py": "",
    "stages/training/deep/__init__.py": "from .inner import x\n",
    "stages/training/deep/inner.py": "",
    "stages/crops/__init__.py": "from .cutting import cut\n",
    "stages/crops/cutting.py": "",
    "stages/crops/store.py": "from numpy import array\nfrom stages.params import Params\n",
    "stages/variants/flip.py": "from noise import flip\n",
    "stages/variants/all.py": "import noise\n",
    "stages/collected/registry.py": "import pkgutil\n",
    "stages/collected/one.py": "",
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name, content in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    module._imports.cache_clear()
    yield tmp_path
    module._imports.cache_clear()


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        # `from package import module`, functions, and what the other branch of TYPE_CHECKING imports, count; what only
        # a type checker sees, and what decides nothing, does not.
        (
            "stages/training/loop.py",
            {
                "stages/training/loop.py",
                "stages/training/batches.py",
                "stages/training/augment.py",
                "stages/training/sibling.py",
                "stages/training/deep/inner.py",
                "stages/training/other.py",
                "stages/crops/store.py",
                "stages/crops/cutting.py",
            },
        ),
        # `from package import name` where `__init__` takes it from elsewhere.
        ("stages/variants/flip.py", {"stages/variants/flip.py", "noise/flip.py", "noise/sites.py"}),
        # `import package` may use all of it.
        ("stages/variants/all.py", {"stages/variants/all.py", "noise/flip.py", "noise/sites.py", "noise/unused.py"}),
        # What asks pkgutil collects the modules beside it.
        ("stages/collected/registry.py", {"stages/collected/registry.py", "stages/collected/one.py"}),
        ("noise", {"noise/flip.py", "noise/sites.py", "noise/unused.py"}),
    ],
)
def test_what_a_file_imports_directly_and_through_others(tree, entry, expected):
    assert closure([entry]) == sorted(expected)


def test_the_digest_is_of_every_byte_that_decides_and_of_no_other(tree):
    def touched(name):
        (tree / name).write_text(TREE[name] + "# touched\n")
        module._imports.cache_clear()
        found = digest(["stages/training/loop.py"])
        (tree / name).write_text(TREE[name])
        module._imports.cache_clear()
        return found

    before = digest(["stages/training/loop.py"])
    decide = set(closure(["stages/training/loop.py"]))
    for name in TREE:
        assert (touched(name) != before) == (name in decide), name
    (tree / "stages/training/batches.py").rename(tree / "stages/training/renamed.py")
    (tree / "stages/training/loop.py").write_text(TREE["stages/training/loop.py"].replace("batches", "renamed"))
    module._imports.cache_clear()
    assert digest(["stages/training/loop.py"]) != before


def test_of_the_project_training_and_nothing_that_decides_no_bits():
    found = closure(["stages/training", "stages/variants/dynamic.py"])
    of_noise = {"noise/dynamic.py", "noise/sites/finding.py"}
    assert {"stages/training/loop.py", "stages/crops/store.py", *of_noise} <= set(found)
    assert not [file for file in found if file.startswith(("stages/running", "stages/params", "stages/files"))]
    assert not {"noise/periodic.py", "noise/gaussian.py", "noise/dropout.py", "stages/variants/periodic.py"} & set(
        found
    )


@pytest.mark.parametrize("package", ["noise", "stages/training", "stages/crops"])
def test_an_init_that_is_left_out_only_hands_on(package):
    """Docstring, imports and `__all__`: a change of anything else would rerun nothing."""
    init = module.ROOT / package / "__init__.py"
    for node in ast.parse(init.read_text()).body if init.exists() else []:
        hands_on = isinstance(node, ast.ImportFrom | ast.Expr) or node.targets[0].id == "__all__"
        assert hands_on and getattr(node, "names", [ast.alias("")])[0].name != "*"
