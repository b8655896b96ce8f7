import numpy as np
import pytest
import torch

from stages.crops.store import open_crops
from stages.params import Augment
from stages.training.batches import Batches

AUGMENT = Augment(flip=True, shift=2, rotate=5.0, scale=0.1, erase=0.3)
CPU = torch.device("cpu")


def epoch(batches, seed=0, number=1, **ranks):
    return list(batches.train(batches.order(seed, number), 16, AUGMENT, seed, number, **ranks))


@pytest.fixture
def crops(crops_folder):
    return open_crops(crops_folder)


def test_plain_batches_are_the_split_normalised_by_hand(crops):
    images = np.concatenate([images.numpy() for images, _ in Batches(crops["val"], crops.summary, CPU).plain(8)])
    expected = (np.array(crops["val"].images, dtype=np.float32) / 255 - 0.4) / 0.2
    assert images.shape == (30, 3, 16, 16)
    for channel in range(3):  # a grey picture fills all three
        np.testing.assert_allclose(images[:, channel], expected[..., 0], rtol=1e-5, atol=1e-5)


def test_streamed_batches_equal_resident_ones(crops):
    resident = Batches(crops["train"], crops.summary, CPU)
    streamed = Batches(crops["train"], crops.summary, CPU)
    streamed.resident = False
    for (a, x), (b, y) in zip(epoch(resident), epoch(streamed), strict=True):
        assert torch.equal(a, b) and torch.equal(x, y)


def test_an_epoch_has_full_batches_of_distinct_images_and_no_more(crops):
    batches = Batches(crops["train"], crops.summary, CPU)
    assert [len(images) for images, _ in epoch(batches)] == [16] * 4
    assert sorted(batches.order(0, 1).tolist()) == list(range(70))


def test_seed_and_epoch_decide_order_and_augmentation(crops):
    batches = Batches(crops["train"], crops.summary, CPU)
    first = epoch(batches)
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(first, epoch(batches)))
    for other in (epoch(batches, seed=1), epoch(batches, number=2)):
        assert not torch.equal(first[0][0], other[0][0])


@pytest.mark.parametrize("weights", [None, torch.ones(70)], ids=["plain", "weighted"])
def test_seed_and_epoch_decide_the_order_alone(crops, weights):
    batches = Batches(crops["train"], crops.summary, CPU)
    orders = [tuple(batches.order(seed, number, weights).tolist()) for seed in (0, 1) for number in (1, 2, 3)]
    assert len(set(orders)) == 6
    assert orders == [tuple(batches.order(seed, number, weights).tolist()) for seed in (0, 1) for number in (1, 2, 3)]


def test_seed_and_epoch_decide_the_augmentation_alone(crops):
    batches = Batches(crops["train"], crops.summary, CPU)
    order = torch.arange(64)
    runs = [
        torch.cat([images for images, _ in batches.train(order, 16, AUGMENT, seed, number)])
        for seed in (0, 1)
        for number in (1, 2)
    ]
    for index, images in enumerate(runs):
        assert all(not torch.equal(images, other) for other in runs[:index])


def test_ranks_share_the_batches_of_one_process(crops):
    batches = Batches(crops["train"], crops.summary, CPU)
    halves = zip(epoch(batches, rank=0, world=2), epoch(batches, rank=1, world=2))
    for (whole, targets), ((even, x), (odd, y)) in zip(epoch(batches), halves, strict=True):
        assert torch.equal(whole[0::2], even) and torch.equal(whole[1::2], odd)
        assert torch.equal(targets[0::2], x) and torch.equal(targets[1::2], y)


def test_weighted_order_evens_out_the_classes(make_crops, tmp_path):
    make_crops(tmp_path / "crops", {"train": 900})
    crops = open_crops(tmp_path / "crops")
    batches = Batches(crops["train"], crops.summary, CPU)
    weights = torch.where(batches.targets == 0, 4.0, 1.0)  # 300 images x 4 against 600 x 1
    share = (batches.targets[batches.order(0, 1, weights)] == 0).float().mean()
    assert 0.6 <= share <= 0.73
