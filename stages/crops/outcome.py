"""What became of one picture."""

import hashlib
from typing import NamedTuple


class Outcome(NamedTuple):
    """A crop, known by the 16-byte digest of its pixels and how it was treated, or the reason why there is none."""

    digest: bytes = b""
    treatments: tuple[str, ...] = ()
    reason: str = ""

    @property
    def cropped(self) -> bool:
        """Whether there is a crop."""
        return not self.reason


def digest(pixels: bytes | memoryview) -> bytes:
    """The 16 bytes by which a crop is known."""
    return hashlib.blake2b(pixels, digest_size=16).digest()
