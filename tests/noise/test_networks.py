"""The committed table of docs/networks.md: complete, and a few of its rows recomputed."""

import re

import pytest
import torchvision

from benchmarks.networks import PAGE, TIMM, row

TEXT = PAGE.read_text()
ROWS = {
    line.split(" | ")[0].strip("| "): line for line in TEXT.splitlines() if re.match(r"\| (torchvision|timm)/", line)
}


def test_every_network_is_in_the_table_or_has_no_batchnorm():
    text = TEXT.replace("\n", " ")
    without = re.search(r"Without BatchNorm, and so without sites: (.*?) \(torchvision\)", text)[1].split(", ")
    listed = [
        f"torchvision/{name}" for name in torchvision.models.list_models(torchvision.models) if name not in without
    ]
    assert list(ROWS) == listed + [f"timm/{name}" for name in TIMM.split()]
    assert not any(line.startswith("| torchvision") and "observed only" in line for line in ROWS.values())


@pytest.mark.parametrize(
    "network",
    [
        "torchvision/resnet18",
        "torchvision/mobilenet_v3_small",
        "torchvision/shufflenet_v2_x0_5",
        "timm/mobilenetv3_small_100",
        "timm/res2net50_26w_4s",
        "timm/efficientvit_m0",
    ],
)
def test_rows(network):
    if network.startswith("timm"):
        pytest.importorskip("timm")
    assert str(row(network)) == ROWS[network]
