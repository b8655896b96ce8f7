"""DVC's chart templates: `python -m stages.reporting.template` writes `.dvc/plots/*.json` anew after a change of them.

A test holds the files to this. `plots` of dvc.yaml names them; DVC draws with them in its page, VS Code in its own.
"""

import json
from pathlib import Path

from stages.files import write_text
from stages.reporting.charts import confusions, curves, differences, intervals

FOLDER = Path(".dvc/plots")
TEMPLATES = {"confusions": confusions, "differences": differences, "intervals": intervals, "variants": curves}


def texts() -> dict[str, str]:
    """`{file name: text}`: Vega-Lite charts in JSON."""
    return {
        f"{name}.json": json.dumps(drawn.spec(), indent=1, ensure_ascii=False) + "\n"
        for name, drawn in TEMPLATES.items()
    }


if __name__ == "__main__":
    for name, text in texts().items():
        write_text(FOLDER / name, text)
