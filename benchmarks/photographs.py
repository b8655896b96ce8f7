"""Pictures with a photograph's make-up, for measuring decoders: no real photograph could be committed."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

FACE = 0.55  # side of the face box over the picture's shorter side


def field(generator, height, width, power):
    """Noise whose amplitude falls with frequency to the given power; photographs have about 1."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(np.exp(2j * np.pi * generator.random(frequency.shape)) / frequency**power, s=(height, width))
    return noise / noise.std()


def photograph(generator, height, width):
    """A picture with a photograph's make-up: soft light, fine texture where it is in focus, a few sharp edges. About
    1.7 bits per pixel as JPEG.
    """
    in_focus = 1 / (1 + np.exp(-3 * field(generator, height, width, 2)))
    light = 40 * field(generator, height, width, 2) + 16 * in_focus * field(generator, height, width, 0.9)
    planes = [light + 12 * field(generator, height, width, 2) + 125 for _ in range(3)]
    picture = Image.fromarray(np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8))
    edges = Image.new("L", (width, height))
    draw = ImageDraw.Draw(edges)
    for x, y, radius in generator.random((6, 3)) * (width, height, 0.25 * width) + (0, 0, 0.05 * width):
        draw.ellipse(
            [x - radius, y - 1.3 * radius, x + radius, y + 1.3 * radius], outline=255, width=max(1, int(radius / 12))
        )
    picture.paste(
        tuple(int(value) for value in generator.integers(20, 235, 3)),
        (0, 0),
        edges.filter(ImageFilter.GaussianBlur(0.7)),
    )
    return picture


def write_pictures(folder, sides, seed=0):
    """Writes a JPEG of quality 85 for each side and returns a list of (path, box)."""
    generator = np.random.default_rng(seed)
    pictures = []
    for i, side in enumerate(sides):
        width, height = int(side), int(side * generator.uniform(0.8, 1.25))
        path = Path(folder) / f"{i:05}.jpg"
        photograph(generator, height, width).save(path, quality=85)
        face = int(FACE * min(width, height))
        pictures.append((path, ((width - face) // 2, int((height - face) * 0.4), face, face)))
    return pictures
