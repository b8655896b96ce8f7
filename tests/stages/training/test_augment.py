import pytest
import torch

from stages.params import Augment
from stages.training.augment import crop, distort

NONE = {"flip": False, "shift": 0, "rotate": 0.0, "scale": 0.0, "erase": 0.0}


def generator():
    return torch.Generator().manual_seed(0)


def shifted(image, down, right):
    """The oracle: pixel by pixel, edge pixels repeated."""
    height, width, _ = image.shape
    result = torch.empty_like(image)
    for y in range(height):
        for x in range(width):
            result[y, x] = image[min(max(y - down, 0), height - 1), min(max(x - right, 0), width - 1)]
    return result


def test_without_augmentation_the_images_are_only_chosen():
    images = torch.randint(0, 255, (5, 6, 7, 3), dtype=torch.uint8)
    chosen = crop(images, torch.tensor([3, 1]), Augment(**NONE), True, generator())
    assert torch.equal(chosen, images[[3, 1]])


def test_every_result_is_a_shifted_and_perhaps_mirrored_image():
    images = torch.randint(0, 255, (1, 8, 8, 1), dtype=torch.uint8)
    results = crop(
        images, torch.zeros(300, dtype=torch.long), Augment(**NONE | {"flip": True, "shift": 1}), True, generator()
    )
    allowed = [
        shifted(face, down, right)
        for face in (images[0], images[0].flip(1))
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    ]
    seen = [[torch.equal(result, candidate) for candidate in allowed].index(True) for result in results]
    counts = torch.bincount(torch.tensor(seen), minlength=18)
    assert counts.min() >= 4  # each of the 18 about 17 times: a binomial count below 4 has chance 1e-4
    assert 115 <= counts[:9].sum() <= 185  # half of them mirrored, within 4 standard deviations


def test_sets_that_may_not_be_mirrored_are_not():
    images = torch.arange(64, dtype=torch.uint8).view(1, 8, 8, 1)
    results = crop(images, torch.zeros(50, dtype=torch.long), Augment(**NONE | {"flip": True}), False, generator())
    assert (results == images).all()


def test_rotation_and_scale_keep_the_centre_and_stay_within_bounds():
    images = torch.zeros(64, 1, 33, 33)
    images[:, :, 16, 16] = 1
    turned = distort(images, Augment(**NONE | {"rotate": 30.0, "scale": 0.2}), generator())
    assert turned.shape == images.shape
    assert (turned.flatten(1).argmax(1) == 16 * 33 + 16).all()


@pytest.mark.parametrize(("chance", "low", "high"), [(0.0, 0, 0), (0.5, 60, 140), (1.0, 200, 200)])
def test_erasing_hits_its_share_of_images_with_one_rectangle(chance, low, high):
    erased = distort(torch.ones(200, 1, 32, 32), Augment(**NONE | {"erase": chance}), generator()) == 0
    hit = erased.flatten(1).any(1)
    assert low <= hit.sum() <= high
    for mask in erased[hit, 0]:
        rows, columns = mask.any(1), mask.any(0)
        assert torch.equal(mask, rows[:, None] & columns)
        assert 0.005 <= mask.float().mean() <= 0.4
