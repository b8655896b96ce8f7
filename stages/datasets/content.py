"""Whether a file is a picture: by what is in it, where its name does not say so."""

import re
from pathlib import Path, PurePath

# A file of such a name is meant as a picture: where it cannot be read, something failed.
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm",
    ".avif", ".heic", ".heif", ".jp2", ".jxl",
})  # fmt: skip
_BEGINNINGS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM.{4}\0{4}|II[*+]\0|MM\0[*+]|RIFF.{4}WEBP|P[1-6]\s+[#\d]"
    rb"|.{4}ftyp(avi[fs]|hei[cxms]|hev[cx]|mif1|msf1)|\0\0\0\x0c(jP  |JXL )|\xff\x4f\xff\x51",
    re.DOTALL,
)


def named_as_picture(name: str) -> bool:
    """Whether the suffix of a file is that of a picture, in any case."""
    return PurePath(name).suffix.lower() in SUFFIXES


def is_picture(path: Path) -> bool:
    """Whether a regular file is a picture by its suffix, or else by its first bytes.

    One that may not be read is taken for one: whoever decodes it says that it cannot be read.
    """
    if named_as_picture(path.name):
        return True
    try:
        with open(path, "rb", buffering=0) as file:
            return _BEGINNINGS.match(file.read(32)) is not None
    except OSError:
        return True
