"""What is drawn anew in every epoch, by the seed: the order of the images, their augmentation, the noise."""

import numpy as np
import pytest
import torch

import noise
from stages.params import Augment
from stages.training import augment
from stages.training.loop import Training
from tests.stages.training.small import make_run, params, trained

pytestmark = pytest.mark.usefixtures("small_network")
STEPS_PER_EPOCH = 70 // 16
EPOCHS = 3


def test_the_batches_are_augmented_as_asked(crops_folder, watched):
    options = Augment(flip=False, shift=2, rotate=10.0, scale=0.1, erase=0.5)
    calls, real_crop, real_distort = [], augment.crop, augment.distort
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augment, "crop", lambda *given: calls.append(given[2]) or real_crop(*given))
        patch.setattr(augment, "distort", lambda *given: calls.append(given[1]) or real_distort(*given))
        trained(crops_folder, options=params(epochs=1, augment=options))
    assert calls == [options] * (2 * STEPS_PER_EPOCH)


def test_every_epoch_has_an_order_of_its_own(crops_folder, watched):
    """Told by the pictures themselves: unaugmented, each is known by its mean."""
    still = Augment(flip=False, shift=0, rotate=0.0, scale=0.0, erase=0.0)
    trained(crops_folder, options=params(epochs=EPOCHS, augment=still))
    orders = [order.tolist() for order in torch.cat([images.mean((1, 2, 3)) for images, _ in watched]).split(64)]
    for index, order in enumerate(orders):
        assert len(set(order)) == 64
        for other in orders[:index]:
            assert order != other and set(order) != set(other), "in turn, all pictures are seen"


def test_every_seed_and_epoch_has_noise_of_its_own(crops_folder):
    """Told by the signs of Gaussian noise; dropout draws from the same generator."""
    first = []
    for seed in (0, 1):
        training = Training(make_run(crops_folder, "gaussian", seed, options=params(epochs=EPOCHS)))
        module = next(module for module in training.network.modules() if isinstance(module, noise.GaussianNoise))
        added = []

        def note(module, inputs, output, added=added):
            if module.training:
                added.append((output.detach() > inputs[0].detach()).flatten().tolist())

        module.register_forward_hook(note)
        list(training.epochs())
        assert len(added) == EPOCHS * STEPS_PER_EPOCH
        first += added[::STEPS_PER_EPOCH]
    assert len(set(map(tuple, first))) == 2 * EPOCHS


def test_every_epoch_has_an_augmentation_of_its_own(crops_folder, watched):
    images = crops_folder / "train" / "images.npy"
    np.save(images, np.full_like(np.load(images), 200))  # whatever the order: only what is erased is 0
    erasing = Augment(flip=False, shift=0, rotate=0.0, scale=0.0, erase=0.5)
    trained(crops_folder, options=params(epochs=EPOCHS, augment=erasing))
    erased = torch.cat([(images == 0).flatten(1).any(1) for images, _ in watched]).split(64)
    assert len({tuple(epoch.tolist()) for epoch in erased}) == EPOCHS
