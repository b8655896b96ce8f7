"""Spoiled pictures: the same for every run and batch, worse from strength to strength, and what their names say."""

import pytest
import torch

from stages.corruptions.pictures import SPOIL, Drawn, corrupt
from stages.corruptions.strengths import CORRUPTIONS, names

COLOUR = names(3)


def pictures(count=6, channels=3, height=48, width=48):
    """Smooth pictures with an edge, as photographs are: uint8 (N, C, H, W)."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((count, channels, 6, 6), generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    fine[..., height // 2 :, : width // 3] *= 0.5
    return (40 + 170 * fine).to(torch.uint8)


def rows_that_draw(coin, count):
    return [row for row in range(100) if bool(Drawn([row]).coins) == coin][:count]


def test_every_corruption_is_made_at_three_strengths_and_grey_of_colour_alone():
    assert set(SPOIL) == set(CORRUPTIONS) and len(COLOUR) == 27
    assert [name for name in COLOUR if name not in names(1)] == ["grey-1", "grey-2", "grey-3"]


@pytest.mark.parametrize(("channels", "height", "width"), [(3, 48, 48), (1, 48, 48), (3, 8, 8), (1, 30, 41)])
def test_a_picture_is_spoiled_by_its_row_whatever_its_batch(channels, height, width):
    images = pictures(5, channels, height, width)
    before = images.clone()
    for name in names(channels):
        whole = corrupt(images, name, range(10, 15))
        assert whole.dtype == torch.uint8 and whole.shape == images.shape, name
        parts = [corrupt(images[part], name, range(10, 15)[part]) for part in (slice(0, 1), slice(1, 3), slice(3, 5))]
        assert torch.equal(torch.cat(parts), whole), name
        assert torch.equal(images, before), name


def test_the_stronger_the_further_from_the_picture():
    images = pictures()
    for kind in CORRUPTIONS:
        spoiled = [corrupt(images, f"{kind}-{place}", range(6)) for place in (1, 2, 3)]
        far = [(each.float() - images.float()).abs().mean().item() for each in spoiled]
        assert 0.3 < far[0] < far[1] < far[2], kind


def test_what_moves_and_smooths_leaves_one_colour_as_it_is():
    """Also at the edges: nothing black comes in from outside."""
    plain = torch.tensor([90, 120, 60], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 48, 48).contiguous()
    for kind in ("blur", "pixelate", "rotation", "occlusion"):
        for place in (1, 2, 3):
            assert torch.equal(corrupt(plain, f"{kind}-{place}", [3, 4]), plain), kind


@pytest.mark.parametrize("place", [1, 2, 3])
def test_noise_is_another_one_for_each_row_and_the_same_at_every_strength(place):
    grey = torch.full((3, 3, 48, 48), 127, dtype=torch.uint8)
    noise = corrupt(grey, f"noise-{place}", [0, 1, 0]).float() - 127
    assert noise.std() / 255 == pytest.approx(CORRUPTIONS["noise"].strengths[place - 1], rel=0.03)
    assert abs(noise.mean()) < 1 and torch.equal(noise[0], noise[2])
    correlated = [torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1] for a, b in
                  ((noise[0], noise[1]), (noise[0], corrupt(grey[:1], "noise-2", [0])[0].float()))]  # fmt: skip
    assert abs(correlated[0]) < 0.05 and correlated[1] > 0.99


def test_directions_are_drawn_and_mirror_each_other():
    assert 35 <= int(Drawn(range(100)).coins.sum()) <= 65
    image, factor = pictures(1), CORRUPTIONS["brightness"].strengths[0]
    one, other = rows_that_draw(True, 1), rows_that_draw(False, 1)
    for rows, expected in ((one, factor), (other, 1 / factor)):
        bright = corrupt(image, "brightness-1", rows).float() / image
        assert bright.median() == pytest.approx(expected, abs=0.02)
    left = corrupt(image, "rotation-2", one)
    right = corrupt(image.flip(3), "rotation-2", other).flip(3)
    assert (left.float() - right.float()).abs().max() <= 1


def test_contrast_keeps_the_mean_and_grey_leaves_no_colour():
    images = pictures()
    flat = corrupt(images, "contrast-3", range(6)).float()
    lightness = torch.tensor([0.2989, 0.587, 0.114]).view(3, 1, 1)
    means = [(each.float() * lightness).sum(1).mean((1, 2)) for each in (images, flat)]
    torch.testing.assert_close(means[0], means[1], atol=1, rtol=0)
    assert flat.std() < 0.2 * images.float().std()
    grey = corrupt(images, "grey-3", range(6))
    assert torch.equal(grey[:, 0], grey[:, 1]) and torch.equal(grey[:, 1], grey[:, 2])


def test_pixels_are_as_few_as_said():
    for place, share in enumerate(CORRUPTIONS["pixelate"].strengths, start=1):
        coarse = corrupt(pictures(1), f"pixelate-{place}", [0])[0, 0]
        edges = (coarse[:, 1:] != coarse[:, :-1]).any(0).sum()
        assert edges == round(48 * share) - 1


@pytest.mark.parametrize(("coin", "middle"), [(True, 0.33), (False, 0.70)], ids=["eyes", "mouth"])
def test_a_bar_covers_the_eyes_or_the_mouth_and_nothing_else(coin, middle):
    images = torch.zeros(1, 3, 100, 100, dtype=torch.uint8)
    images[..., 50:] = 200
    for place, share in enumerate(CORRUPTIONS["occlusion"].strengths, start=1):
        covered = (corrupt(images, f"occlusion-{place}", rows_that_draw(coin, 1)) == 100)[0, 0]
        rows, columns = covered.any(1).nonzero().flatten(), covered.any(0).nonzero().flatten()
        assert covered[rows][:, columns].all() and len(rows) == pytest.approx(100 * share, abs=1)
        assert rows.float().mean() + 0.5 == pytest.approx(100 * middle, abs=1)
        assert (columns.min(), columns.max()) == (15, 84)
