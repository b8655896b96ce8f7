"""DVC's page without a network: `python -m stages.reporting.offline`, the last step of `make setup`.

`dvc plots show` and `dvc plots diff` take Vega, which draws their charts, from a server. This writes a page for them
that brings Vega along, with the parameters that differ at its head, the charts, and only those figures that changed,
and names it in DVC's configuration of this clone, which Git does not see.

Both lie below .dvc/, so that they move, and are cleared away, together: DVC without the setting has its own page, with
the setting and without the file it has none.
"""

import subprocess
import sys
from pathlib import Path

import vl_convert

from stages.ending import Mistake, this_stage
from stages.files import write_text

DVC = Path(".dvc")
PAGE = "plots/page.html"  # from .dvc/, from where DVC looks, in whichever folder it is run
FRAME = Path(__file__).with_name("charts") / "page.html"
VEGA = "/* vega */"  # its place in the frame


def text() -> str:
    """The page, about 0.9 MB: DVC fills in its charts and figures."""
    return FRAME.read_text(encoding="utf-8").replace(
        VEGA, vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    )


def main() -> None:
    """Write the page and the setting. Raises Mistake where DVC does not take it, and OSError."""
    this_stage("offline")
    write_text(DVC / PAGE, text())
    command = [sys.executable, "-m", "dvc", "config", "--local", "plots.html_template", PAGE]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Mistake(f"{' '.join(command[2:])}: {' '.join(done.stderr.split())}")


if __name__ == "__main__":
    main()
