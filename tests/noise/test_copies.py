"""A copy of a network with methods is a network of its own, with the sign that it was made with."""

import copy

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

import noise
from tests.noise.averaged_network import INTERVAL, Weighted, in_force, network, train


def test_what_is_written_into_a_copy_by_hand_is_in_force():
    net = network()
    other = copy.deepcopy(net)
    with torch.no_grad():
        other[2].flag.fill_(1)
        other[3].weight.neg_()
    assert in_force(other) == [-1, -1]
    assert in_force(net) == [1, 1]


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
