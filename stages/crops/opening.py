"""Which files are opened as pictures, and why others are not.

What a file is, its content says and not its suffix. Only the formats below are opened, because some that Pillow knows
start other programs (Ghostscript for PostScript); and nothing but files: a pipe would be waited for without end.
"""

import errno
import os
import stat
from pathlib import Path

from PIL import Image, UnidentifiedImageError

# MPO, several JPEGs in a file, comes with JPEG; PBM and PGM come with PPM.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "AVIF", "JPEG2000")
# (offset, signatures, name) of pictures that are not opened: their owner can convert them.
_NOT_OPENED = (
    (4, (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftyphevx", b"ftypmif1", b"ftypmsf1"), "HEIC"),
    (0, (b"%!PS", b"\xc5\xd0\xd3\xc6"), "PostScript"),
    (0, (b"%PDF",), "PDF"),
    (0, (b"8BPS",), "Photoshop"),
    (0, (b"\xd7\xcd\xc6\x9a",), "WMF"),
    (0, (b"\0\0\1\0",), "ICO"),
)


DISK = "unreadable: "  # how reasons begin that the disk had, or who may read it: another time it may be read


class Unusable(Exception):
    """A picture that gives no crop. The message is the reason to count it under."""


def opened(path: str | Path) -> Image.Image:
    """The picture in a file, to be closed. Raises Unusable for what is none, and OSError."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise Unusable("not a file")
    if not status.st_size:
        raise Unusable("empty file")
    try:
        return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        with open(path, "rb") as file:
            start = file.read(16)
    for offset, signatures, name in _NOT_OPENED:
        if start[offset:].startswith(signatures):
            raise Unusable(f"{name}, to be converted to JPEG or PNG first")
    raise Unusable("unreadable")


def reason(error: Exception) -> str:
    """What an error says of the picture that was being read."""
    if isinstance(error, Image.DecompressionBombError | MemoryError):
        return "too large"
    if isinstance(error, OSError) and error.errno is not None:  # of the disk; Pillow's own have no number
        known = {errno.ENOENT: "missing", errno.ENOTDIR: "missing", errno.ELOOP: "a link that leads to itself"}
        return known.get(error.errno, DISK + os.strerror(error.errno))
    return "truncated" if "truncated" in str(error).lower() else "unreadable"
