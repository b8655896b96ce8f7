"""The corruptions by name, without the libraries that make them: what tables and pages know of them."""

from typing import NamedTuple


class Corruption(NamedTuple):
    """Three strengths, from weak to strong, in the unit that the words name."""

    strengths: tuple[float, float, float]
    words: str


CORRUPTIONS = {
    "noise": Corruption((0.04, 0.08, 0.16), "standard deviation of Gaussian noise, white is 1"),
    "blur": Corruption((0.7, 1.2, 2.0), "standard deviation of the Gaussian, pixels of 48"),
    "brightness": Corruption((1.25, 1.5, 2.0), "factor by which it is brighter, or darker"),
    "contrast": Corruption((0.6, 0.35, 0.15), "factor of the distance to the mean grey"),
    "jpeg": Corruption((40, 20, 10), "quality of the JPEG"),
    "pixelate": Corruption((0.6, 0.4, 0.25), "share of the pixels left along each side"),
    "rotation": Corruption((10, 20, 35), "degrees, to one side or the other"),
    "occlusion": Corruption((0.12, 0.22, 0.32), "share of the height that is covered, at the eyes or at the mouth"),
    "grey": Corruption((0.5, 0.25, 0.0), "saturation left; colour pictures alone"),
}


def names(channels: int) -> list[str]:
    """Of pictures of so many channels (1 or 3): "<corruption>-<1, 2 or 3>", from weak to strong."""
    kinds = [kind for kind in CORRUPTIONS if channels > 1 or kind != "grey"]
    return [f"{kind}-{place}" for kind in kinds for place in (1, 2, 3)]
