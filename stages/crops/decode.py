"""One picture to one crop: decode, find the square, resize with an antialiasing bicubic filter.

Of a JPEG, libjpeg is asked for no more than the crop needs: at 1/2, 1/4 or 1/8 of its size where that still covers
the crop's pixels, in grey for a grey set, and no rows below the square. The crop then differs from that of the whole
picture by less than a grey level on average (benchmarks/crops.py measures it).

Treatment of what is unusual, each counted under its name in the summary:

    box reaches outside   the square is padded with the picture's edge pixels
    rotated by EXIF       turned upright first; boxes refer to the upright picture, as viewers and OpenCV show it
    grey, palette, CMYK   converted to the set's channels
    colour                converted to grey (ITU-R 601 luma) in a grey set
    alpha                 laid over white, as a browser shows it
    16 bit                the upper eight bits are kept
    flat                  all pixels equal: kept, it belongs to the published split, but it carries nothing

and what cannot be cropped, left out under its reason: missing, empty file, truncated, unreadable, too large, box is
empty, box is outside, and so on.
"""

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps

from stages.crops.opening import Unusable, opened, reason

Box = tuple[float, float, float, float]  # x, y, width, height in pixels of the upright picture
Pixels = np.ndarray | Callable[[], np.ndarray]  # a uint8 array (H, W) or (H, W, 3), or what gives it when it is called

_ORIENTATION = 0x0112
_MODES = {
    "L": "grey",
    "1": "grey",
    "P": "palette",
    "CMYK": "CMYK",
    "YCCK": "CMYK",
    "I;16": "16 bit",
    "I;16B": "16 bit",
    "I": "16 bit",
}


class _Doubtful(Exception):
    """The rows that were asked for may not have come."""


def crop(image: str | Path | Pixels, box: Box | None, size: int, channels: int) -> tuple[np.ndarray, list[str]]:
    """(uint8 (size, size, channels), names of treatments) of a picture file or of pixels.

    The crop is the square around the centre of the box with its longer side, so that nothing of the box is lost and
    nothing is squeezed. Without a box it is the largest centred square. Raises Unusable.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata, thousands of them in a large set
        try:
            if not isinstance(image, str | Path):
                pixels = image() if callable(image) else image
                return _crop_open(Image.fromarray(pixels), box, size, channels)
            try:
                with opened(image) as picture:
                    return _crop_open(picture, box, size, channels)
            except _Doubtful:
                with opened(image) as picture:
                    return _crop_open(picture, box, size, channels, whole=True)
        except Unusable:
            raise
        # The decoders of a dozen formats raise what they please on damaged bytes; one file must not stop the others.
        except Exception as error:
            raise Unusable(reason(error)) from None


def _crop_open(
    picture: Image.Image, box: Box | None, size: int, channels: int, whole: bool = False
) -> tuple[np.ndarray, list[str]]:
    treatments = []
    orientation = picture.getexif().get(_ORIENTATION, 1) if picture.format else 1
    turned = orientation in range(2, 9)
    if turned:
        treatments.append("rotated by EXIF")
    if channels == 1 and picture.mode in ("RGB", "RGBA"):
        treatments.append("colour")
    width, height, scale = *picture.size, 1
    if picture.format in ("JPEG", "MPO") and isinstance(picture, ImageFile.ImageFile):
        if orientation >= 5:
            width, height = height, width
        _, top, side = _square(box, width, height)
        # Mirrored, a picture whose size the scale does not divide would be shifted by what is left over.
        odd = (width | height) if turned else 0
        scale = next((scale for scale in (8, 4, 2) if side >= scale * size and odd % scale == 0), 1)
        # The size asked for is a lower bound, which is at least 1; the grey of a JPEG is the luma that it stores.
        bound = max(1, picture.width // scale), max(1, picture.height // scale)
        drafted = picture.draft("L" if channels == 1 else "RGB", bound)
        scale = round(width / drafted[1][3 if orientation >= 5 else 2]) if drafted else 1
        _load_rows(picture, picture.height if turned or whole else math.ceil((top + side) / scale))
    else:
        picture.load()
    if turned:
        picture = ImageOps.exif_transpose(picture)
    if scale == 1:
        width, height = picture.size
    left, top, side = _square(box, width, height)
    if box is not None and not (left >= 0 and top >= 0 and left + side <= width and top + side <= height):
        treatments.append("box reaches outside")
    picture, inner = _cut(_convert(picture, channels, treatments), left / scale, top / scale, side / scale)
    pixels = np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC, inner)).reshape(size, size, channels)
    # One row tells nearly every picture from a flat one, for a hundredth of the price.
    if (pixels[0] == pixels[0, 0]).all() and (pixels == pixels[0, 0]).all():
        treatments.append("flat")
    return pixels, treatments


def _load_rows(picture: ImageFile.ImageFile, rows: int) -> None:
    """Decodes a JPEG down to its first rows; what lies below stays black.

    Huffman decoding is most of the work; it cannot be skipped above the crop, but below it. Pillow reports the
    unfinished stream as broken after it has stored the rows and dropped its tiles: an error with tiles left is a real
    one. A fault in between would leave the last row black, as a night sky may be too: then the picture is decoded
    whole (_Doubtful).
    """
    if rows < picture.height:
        picture.tile = [picture.tile[0]._replace(extents=(0, 0, picture.width, rows))]
    try:
        picture.load()
    except OSError:
        if picture.tile or rows >= picture.height:
            raise
        if not picture.crop((0, rows - 1, picture.width, rows)).getbbox():
            raise _Doubtful from None


def _square(box: Box | None, width: int, height: int) -> tuple[float, float, float]:
    """(left, top, side) in pixels of the square to crop from a picture of this size. Raises Unusable."""
    if box is None:
        side = min(width, height)
        return (width - side) / 2, (height - side) / 2, side
    x, y, box_width, box_height = box
    if not all(map(math.isfinite, box)):
        raise Unusable("box is not of four numbers")
    if not (box_width > 0 and box_height > 0):
        raise Unusable("box is empty")
    if box_width <= 1 and box_height <= 1:  # of shares of the picture, it would be cropped to a single colour
        raise Unusable("box is smaller than a pixel, and boxes are in pixels")
    if x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0:
        raise Unusable("box is outside")
    side = max(box_width, box_height)
    if side > 4 * max(width, height):
        raise Unusable("box is far larger than the picture")
    return x + (box_width - side) / 2, y + (box_height - side) / 2, side


def _convert(picture: Image.Image, channels: int, treatments: list[str]) -> Image.Image:
    """The picture as L or RGB; the names of the conversions go into treatments. Raises Unusable for float pixels."""
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
    return picture if picture.mode == target else picture.convert(target)


def _cut(picture: Image.Image, left: float, top: float, side: float) -> tuple[Image.Image, Box]:
    """(picture, box): the smallest cut of whole pixels around the square, continued by its edge pixels where it
    reaches outside, and the square's (left, upper, right, lower) in it.
    """
    x, y, right, bottom = math.floor(left), math.floor(top), math.ceil(left + side), math.ceil(top + side)
    inner = left - x, top - y, left - x + side, top - y + side
    if x >= 0 and y >= 0 and right <= picture.width and bottom <= picture.height:
        return picture.crop((x, y, right, bottom)), inner
    pixels = np.asarray(picture)[max(y, 0) : bottom, max(x, 0) : right]
    around = [(max(-y, 0), max(bottom - picture.height, 0)), (max(-x, 0), max(right - picture.width, 0))]
    return Image.fromarray(np.pad(pixels, around + [(0, 0)] * (pixels.ndim - 2), mode="edge")), inner
