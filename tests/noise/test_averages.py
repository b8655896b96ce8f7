"""What is in force in an average is what is in force in the network, after every update, for every tool."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn, update_bn

import noise
from noise.averages import Averaged
from tests.noise.averaging import KINDS

INTERVAL = 3


class Weighted(Averaged):
    """What AutoReLU is here: the sign of a parameter, which a training forward sets to its mean."""

    averaged = "weight"

    def __init__(self, channels=4, start=0.01):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), start))

    def forward(self, x):
        if self.training and torch.is_grad_enabled():
            self.claim()
        return x * torch.where(self.current().mean() < 0, -1.0, 1.0)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), noise.SignFlip(INTERVAL), Weighted(), nn.Linear(4, 2))


def train(net, step):
    """One step of a training: what the optimiser does to weights, the flag and AutoReLU's weight, which swings."""
    noise.set_step(net, step)
    net.train()(torch.randn(8, 4, generator=torch.Generator().manual_seed(step)))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.01)
        net[3].weight.fill_((0.011 if step % 7 < 4 else -0.013) + 1e-5 * step)


def in_force(net):
    """The signs as the forward passes show them, in evaluation."""
    x = torch.ones(1, 4)
    with torch.no_grad():
        return [int(module.eval()(x).sign().mean()) for module in net.modules() if isinstance(module, Averaged)]


class Loaded(nn.Module):
    """Averages a dictionary, and loads it at each update."""

    def __init__(self, model, decay):
        super().__init__()
        self.module, self.decay = copy.deepcopy(model), decay
        self.state = {key: value.clone().double() for key, value in model.state_dict().items()}

    def update_parameters(self, model):
        for key, value in model.state_dict().items():
            self.state[key] = self.decay * self.state[key] + (1 - self.decay) * value
        self.module.load_state_dict(self.state)


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


def test_what_is_written_into_a_copy_by_hand_is_in_force():
    net = network()
    other = copy.deepcopy(net)
    with torch.no_grad():
        other[2].flag.fill_(1)
        other[3].weight.neg_()
    assert in_force(other) == [-1, -1]
    assert in_force(net) == [1, 1]


def test_a_dictionary_that_is_averaged_and_loaded_keeps_the_flag():
    net = network()
    average = Loaded(net, 0.99)
    for step in range(1, 20):
        train(net, step)
        average.update_parameters(net)
        assert in_force(average)[0] == in_force(net)[0], step


def test_a_copy_of_its_own_keeps_what_it_was_made_with():
    net = network()
    train(net, INTERVAL)
    best = copy.deepcopy(net)
    second = copy.deepcopy(best)
    kept = in_force(best)
    for step in range(INTERVAL + 1, 40):
        train(net, step)
        assert in_force(best) == in_force(second) == kept, step
    again = copy.deepcopy(best)
    assert in_force(again) == kept
    train(best, 2)
    assert in_force(best)[0] == 1
    assert in_force(second) == in_force(again) == kept, "nor do the turns of what it was copied from reach it"


def test_a_copy_of_an_average_keeps_its_sign():
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.99), use_buffers=True)
    for step in range(1, INTERVAL + 4):
        train(net, step)
        average.update_parameters(net)
        if step == INTERVAL:
            best, kept = copy.deepcopy(average), in_force(net)
            saved = {key: value.clone() for key, value in average.state_dict().items()}
    assert in_force(best) == kept != in_force(net)
    assert in_force(average) == in_force(net)
    assert saved["module.2.flag"].item() == 1


def test_a_student_that_is_told_its_own_steps_is_its_own():
    teacher = noise.SignFlip(INTERVAL)
    student, x = copy.deepcopy(teacher), torch.ones(3)
    for step in range(1, 20):
        teacher.set_step(step)
        student.set_step(step + INTERVAL)
        assert torch.equal(student(x), -teacher(x))


def test_a_student_whose_weight_is_trained_is_its_own():
    teacher = Weighted()
    student, x = copy.deepcopy(teacher), torch.ones(1, 4)
    optimizer = torch.optim.SGD(student.parameters(), lr=1)
    for gradient in 0.02, 0.0, -0.02:
        student.train()(x)
        student.weight.grad = torch.full((4,), gradient)
        optimizer.step()
        teacher.weight.data.add_(0.001)
        assert torch.equal(student.eval()(x), -x if student.weight[0] < 0 else x)
    assert student.weight[0] > 0


def test_an_average_that_is_told_the_step_too_agrees():
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.999), use_buffers=True)
    for step in range(1, 30):
        train(net, step)
        noise.set_step(average, step)
        average.update_parameters(net)
        assert in_force(average) == in_force(net)


def test_a_training_of_an_average_goes_on_from_checkpoints():
    """The origin is the new network, to which both states were loaded."""
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.999), use_buffers=True)
    for step in range(1, INTERVAL + 2):
        train(net, step)
        average.update_parameters(net)
    states = copy.deepcopy([net.state_dict(), average.state_dict()])
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.999), use_buffers=True)
    net.load_state_dict(states[0])
    average.load_state_dict(states[1])
    assert in_force(average) == in_force(net)
    for step in range(INTERVAL + 2, 30):
        train(net, step)
        average.update_parameters(net)
        assert in_force(average) == in_force(net), step


def test_pickled_and_saved_whole_an_average_forgets_its_origin_and_keeps_its_sign():
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.999), use_buffers=True)
    for step in range(1, INTERVAL + 1):
        train(net, step)
        average.update_parameters(net)
    file = io.BytesIO()
    torch.save(average.module, file)
    file.seek(0)
    whole = torch.load(file, weights_only=False)
    pickled = pickle.loads(pickle.dumps(average.module))
    kept = in_force(net)
    train(net, 2 * INTERVAL)
    assert in_force(whole) == in_force(pickled) == kept
    assert len(file.getvalue()) < 20_000


def test_the_origin_may_move_and_be_replaced():
    net = network()
    average = AveragedModel(net, avg_fn=get_ema_avg_fn(0.99), use_buffers=True)
    net.load_state_dict(copy.deepcopy(net.state_dict()), assign=True)
    net.double().float()
    for step in range(1, 20):
        train(net, step)
        average.update_parameters(net)
        assert in_force(average) == in_force(net), step


def test_load_state_dict_refuses_a_fraction_and_takes_a_bool():
    flip = nn.Sequential(noise.SignFlip(INTERVAL))
    with pytest.raises(RuntimeError, match=r"0\.flag is 0\.25, an average over networks with and without the flag"):
        flip.load_state_dict({"0.flag": torch.tensor(0.25)})
    with pytest.raises(RuntimeError, match=r"0\.flag is nan"):
        flip.load_state_dict({"0.flag": torch.tensor(torch.nan)}, strict=False)
    assert flip[0].flag.item() == 0
    for assign in False, True:
        for value in torch.tensor(True), torch.tensor(1), torch.tensor(0.9999999):
            flip = nn.Sequential(noise.SignFlip(INTERVAL))
            flip.load_state_dict({"0.flag": value}, assign=assign)
            assert flip[0].flag.dtype == torch.float32
            assert flip[0].flag.item() == 1


def test_the_average_of_a_built_network_takes_the_nearer_flag():
    """No copy, so nobody to ask: an average over weights of one sign has that sign, but for rounding."""
    flip, x = noise.SignFlip(INTERVAL), torch.ones(3)
    for value, sign in ((0.999, -1), (0.001, 1)):
        flip.flag.fill_(value)
        assert torch.equal(flip(x), sign * x)


def test_batchnorm_update_leaves_the_sign_and_the_origin():
    net = network()
    average = AveragedModel(net)
    for step in range(1, 30):
        train(net, step)
        average.update_parameters(net)
        update_bn([torch.randn(8, 4)], average)
        assert in_force(average) == in_force(net), step


def test_meta_device_and_ensembles():
    with torch.device("meta"):
        net = network()
    net.to_empty(device="cpu")
    for module in net.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    assert net[2].flag.item() == 0

    nets = [network() for _ in range(3)]
    for number, net in enumerate(nets):
        noise.set_step(net, number + 1)  # the last one is flagged
        if number == 1:
            net[3].weight.data.neg_()
    parameters, buffers = torch.func.stack_module_state([net.eval() for net in nets])
    base = copy.deepcopy(nets[0]).to("meta")
    x = torch.randn(5, 4)
    with torch.no_grad():
        out = torch.func.vmap(lambda p, b: torch.func.functional_call(base, (p, b), (x,)))(parameters, buffers)
        torch.testing.assert_close(out, torch.stack([net(x) for net in nets]))


def test_functional_call_of_a_copy_takes_the_flag_that_it_is_given():
    net = network().eval()
    other = copy.deepcopy(net)
    noise.set_step(net, INTERVAL)
    x = torch.randn(5, 4)
    with torch.no_grad():
        assert torch.equal(torch.func.functional_call(other, dict(net.named_buffers()), (x,)), net(x))


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


def test_a_copy_that_is_trained_compiles_whole():
    torch._dynamo.reset()
    net = network()
    student = copy.deepcopy(net)
    compiled = torch.compile(student, backend="aot_eager", fullgraph=True)
    for step in range(1, 9):
        noise.set_step(student, step)
        compiled(torch.randn(8, 4)).sum().backward()
        with torch.no_grad():
            student[3].weight.fill_(-1)
    assert in_force(student) == [-1 if noise.flag_at(8, INTERVAL) else 1, -1]
    torch._dynamo.reset()
