"""Where a run computes: named in params.yaml, refused in one line where it is not, described in the record."""

import os

import pytest
import torch

from stages.training import device
from stages.training.device import choose


@pytest.fixture(autouse=True)
def settings_as_they_were():
    yield
    choose("cpu")


def test_the_cpu_by_name_and_in_float32():
    chosen = choose("cpu", "float32")
    assert (chosen.device.type, chosen.precision) == ("cpu", torch.float32)
    with chosen.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    with choose("cpu", "bfloat16").autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


@pytest.mark.parametrize(("amx", "bf16", "precision"), [
    (True, True, torch.bfloat16),
    (False, True, torch.bfloat16),
    (False, False, torch.float32),
])  # fmt: skip
def test_auto_is_bfloat16_where_the_processor_multiplies_it(monkeypatch, amx, bf16, precision):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    chosen = choose("cpu", "auto")
    assert chosen.precision == precision
    assert ("AMX" in chosen.hardware, "AVX512-BF16" in chosen.hardware) == (amx, bf16)


def test_auto_is_a_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose("auto").device.type == "cpu"
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device.torch, "empty", lambda size, device: asked.append(device.type))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda of_this: (7, 5))
    assert choose("auto").precision == torch.float32, "Turing multiplies no bfloat16"
    assert asked == ["cuda"]


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "tpu:0"])
def test_a_device_that_is_not_there_is_one_line(name):
    line = rf"^params.yaml: machine.device: '{name}' cannot be used here \(.*\); auto and cpu always can$"
    with pytest.raises(SystemExit, match=line):
        choose(name)


def test_determinism_is_asked_of_torch_and_can_be_given_up(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    choose("cpu", deterministic=False)
    assert not torch.are_deterministic_algorithms_enabled() and torch.backends.cudnn.benchmark
    choose("cpu", deterministic=True)
    assert torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_the_threads_are_those_that_share_an_operation():
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert choose("cpu").threads == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "name", ["meta", "meta:0", "mps", "xpu", "xla", "vulkan", "fpga", "tpu", "", "cpu:x", "cuda:99"]
)
def test_what_cannot_train_is_one_line(name):
    with pytest.raises(
        SystemExit, match=f"^params.yaml: machine.device: '{name}' cannot be used here .*always can$"
    ) as end:
        choose(name)
    assert len(str(end.value).splitlines()) == 1
