"""What is in force in an average is what is in force in the network, after every update, for every tool."""

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn, update_bn

import noise
from tests.noise.averaged_network import INTERVAL, Weighted, in_force, network, train
from tests.noise.averaging import KINDS


@pytest.mark.parametrize(("start", "every"), [(1, 1), (INTERVAL, 1), (INTERVAL, 5)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_sign_of_an_average_is_the_networks_after_every_update(kind, start, every):
    """`start`: the step after which the average is made: INTERVAL is while flagged."""
    net = network()
    train(net, start)
    average = KINDS[kind](net)
    seen = set()
    for step in range(start + 1, start + (15 if every == 1 else 60)):
        train(net, step)
        if step % every == 0:
            average.update_parameters(net)
            assert in_force(average) == in_force(net), step
            seen.add(tuple(in_force(net)))
    assert len(seen) == 4, "flag and weight have had both signs together"
    flag = average.module[2].state_dict()["flag"]
    assert flag.item() in (0, 1), "what is saved is exact"
    assert flag.item() == net[2].flag.item()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "kind", ["swa", "swa-buffers", "ema-0.9999-True", "ema-multi-0.9999-True", "by-hand-0.9999-{}"]
)
def test_a_flag_keeps_float32_in_a_network_of_another_dtype(kind, dtype):
    """.9999 is 1 in bfloat16 and in float16: an average in these would not move."""
    net = network().to(dtype)
    assert net[2].flag.dtype == torch.float32
    x = torch.ones(2, 4, dtype=dtype)
    average = KINDS[kind](net)
    for step in range(1, 30):
        noise.set_step(net, step)
        average.update_parameters(net)
        assert torch.equal(average.module[2](x), net[2](x)), step
        assert average.module[2](x).dtype == dtype


@pytest.mark.parametrize("decay", [0.5, 0.9999])
def test_a_weight_that_is_negated_and_back_is_followed(decay):
    net = Weighted()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(decay))
    for _ in range(20):
        with torch.no_grad():
            net.weight.neg_()
        average.update_parameters(net)
        assert in_force(average) == in_force(net)


def test_an_average_that_is_told_the_step_too_agrees():
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.999), use_buffers=True)
    for step in range(1, 30):
        train(net, step)
        noise.set_step(average, step)
        average.update_parameters(net)
        assert in_force(average) == in_force(net)


def test_batchnorm_update_leaves_the_sign_and_the_origin():
    net = network()
    average = AveragedModel(net)
    for step in range(1, 30):
        train(net, step)
        average.update_parameters(net)
        update_bn([torch.randn(8, 4)], average)
        assert in_force(average) == in_force(net), step


def test_replicas_and_data_parallel():
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.99), use_buffers=True)
    for step in range(1, INTERVAL + 1):
        train(net, step)
        average.update_parameters(net)
    x = torch.ones(2, 4)
    replica = average.module[2]._replicate_for_data_parallel()
    replica.flag = average.module[2].flag.clone()  # `replicate` puts its copies so
    assert torch.equal(replica(x), -x)
    assert torch.equal(nn.DataParallel(average.eval())(x), average(x))


def test_an_average_compiles_whole_and_follows_without_compiling_again():
    torch._dynamo.reset()
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.99), use_buffers=True).eval()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(average, backend=counter, fullgraph=True)
    x = torch.randn(3, 4)
    signs = set()
    for step in range(1, 30):
        train(net, step)
        average.update_parameters(net)
        with torch.no_grad():
            torch.testing.assert_close(compiled(x), average(x))
        signs.add(tuple(in_force(average)))
    assert counter.frame_count == 1
    assert len(signs) == 4
    torch._dynamo.reset()
