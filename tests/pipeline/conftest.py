import os
import shutil

import pytest
from filelock import FileLock

from tests.pipeline.tiny_run import run_all


@pytest.fixture(scope="session")
def project(tmp_path_factory, server):
    """Every stage of dvc.yaml, run in a folder of its own; of the variants, two. Read it, never write to it.

    Once for all of pytest's workers, whose folders lie side by side.
    """
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "pipeline"
    with FileLock(f"{root}.lock"):
        if not (root / "whole").exists():
            shutil.rmtree(root, ignore_errors=True)
            run_all(root)
            (root / "whole").touch()
    return root
