"""One picture to one crop: decode, find the square, resize with antialiasing.

Treatment of what is unusual, each counted under its name in the summary:

    box reaches outside   the square is padded with the picture's edge pixels
    rotated by EXIF       turned upright first; boxes refer to the upright picture, as viewers and OpenCV show it
    grey, palette, CMYK   converted to the set's channels
    colour                converted to grey (ITU-R 601 luma) in a grey set
    alpha                 laid over white, as a browser shows it
    16 bit                the upper eight bits are kept
    flat                  all pixels equal: kept, it belongs to the published split, but it carries nothing

and what cannot be cropped, left out under its reason: missing, empty file, truncated, unreadable, too large, box is empty,
box is outside.
"""

import math
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

# Reduced decoding keeps at least this many times the crop's side: below it, the filter of the reduction shows in the crop.
HEADROOM = 1.5
_ORIENTATION = 0x0112

_MODES = {"L": "grey", "1": "grey", "P": "palette", "CMYK": "CMYK", "YCCK": "CMYK", "I;16": "16 bit", "I;16B": "16 bit", "I": "16 bit"}


class Unusable(Exception):
    """A picture that gives no crop. The message is the reason to count it under."""


def crop(image, box, size, channels):
    """(uint8 array (size, size, channels), names of treatments) of a picture file or of a uint8 array (H, W) or (H, W, 3).

    box is (x, y, width, height) in pixels; the crop is the square around its centre with its longer side, so that nothing of the box is lost
    and nothing is squeezed. Without a box it is the largest centred square. Raises Unusable.
    """
    if isinstance(image, np.ndarray):
        return _crop_open(Image.fromarray(image), box, size, channels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata, thousands of them in a large set
        try:
            with Image.open(image) as picture:
                return _crop_open(picture, box, size, channels)
        except Unusable:
            raise
        except Image.DecompressionBombError:
            raise Unusable("too large") from None
        except MemoryError:
            raise
        # The decoders of a dozen formats raise whatever they please on damaged bytes; one file must not stop the others.
        except Exception as error:
            raise Unusable(_reason(image, error)) from None


def _reason(path, error):
    if isinstance(error, FileNotFoundError):
        return "missing"
    if isinstance(error, IsADirectoryError | PermissionError):
        return "unreadable"
    if Path(path).is_file() and os.path.getsize(path) == 0:
        return "empty file"
    return "truncated" if "truncated" in str(error).lower() else "unreadable"


def _crop_open(picture, box, size, channels):
    treatments = []
    orientation = picture.getexif().get(_ORIENTATION, 1) if picture.format else 1
    if orientation in range(2, 9):
        treatments.append("rotated by EXIF")
    scale, full = 1, None
    if picture.format in ("JPEG", "MPO"):
        full = picture.size[::-1] if orientation in range(5, 9) else picture.size
        scale = _reduction(_square(box, *full)[2] / size)
        if channels == 1 and picture.mode == "RGB":
            treatments.append("colour")
        # Asked for grey, libjpeg hands out the luma it stores and skips the colour conversion.
        picture.draft("L" if channels == 1 else "RGB", (picture.width // scale, picture.height // scale))
    picture.load()
    if orientation in range(2, 9):
        picture = ImageOps.exif_transpose(picture)
    left, top, side = (value / scale for value in _square(box, *(full or picture.size)))
    picture = _convert(picture, channels, treatments)
    if left < 0 or top < 0 or left + side > picture.width or top + side > picture.height:
        # At a reduced scale the last row or column may be a fraction of a pixel: that is no box that reaches outside.
        if box is not None and not _inside(box, *(full or picture.size)):
            treatments.append("box reaches outside")
        picture, left, top = _pad(picture, left, top, side)
    picture = picture.resize((size, size), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
    pixels = np.asarray(picture).reshape(size, size, channels)
    if (pixels == pixels[0, 0]).all():
        treatments.append("flat")
    return pixels, treatments


def _square(box, width, height):
    """(left, top, side) in pixels of the square to crop from a picture of this size. Raises Unusable."""
    if box is None:
        side = min(width, height)
        return (width - side) / 2, (height - side) / 2, side
    x, y, box_width, box_height = box
    if not (box_width > 0 and box_height > 0):
        raise Unusable("box is empty")
    if x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0:
        raise Unusable("box is outside")
    side = max(box_width, box_height)
    if side > 4 * max(width, height):
        raise Unusable("box is far larger than the picture")
    return x + (box_width - side) / 2, y + (box_height - side) / 2, side


def _reduction(ratio):
    """The strongest of libjpeg's reductions that leaves HEADROOM, for a square ratio times as wide as the crop."""
    return next((scale for scale in (8, 4, 2) if ratio >= scale * HEADROOM), 1)


def _convert(picture, channels, treatments):
    """The picture as L or RGB, with the names of the conversions appended to treatments. Raises Unusable for float pixels."""
    mode = picture.mode
    if mode in _MODES and not (channels == 1 and mode == "L"):
        treatments.append(_MODES[mode])
    if mode == "F":
        raise Unusable("float pixels")
    if mode.startswith("I"):
        picture = Image.fromarray(np.clip(np.asarray(picture).astype(np.int64) >> 8, 0, 255).astype(np.uint8))
    elif picture.has_transparency_data:
        treatments.append("alpha")
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    elif mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    target = "L" if channels == 1 else "RGB"
    if target == "L" and picture.mode == "RGB" and mode in ("RGB", "RGBA") and "colour" not in treatments:
        treatments.append("colour")
    return picture if picture.mode == target else picture.convert(target)


def _inside(box, width, height):
    left, top, side = _square(box, width, height)
    return left >= 0 and top >= 0 and left + side <= width and top + side <= height


def _pad(picture, left, top, side):
    """The picture cut to the square and continued by its edge pixels, with the square's corner in it."""
    x, y = math.floor(left), math.floor(top)
    right, bottom = math.ceil(left + side), math.ceil(top + side)
    inner = np.asarray(picture)[max(y, 0) : max(bottom, 0), max(x, 0) : max(right, 0)]
    around = [
        (max(-y, 0), max(bottom - picture.height, 0)),
        (max(-x, 0), max(right - picture.width, 0)),
    ]
    padded = np.pad(inner, around + [(0, 0)] * (inner.ndim - 2), mode="edge")
    return Image.fromarray(padded), left - x, top - y
