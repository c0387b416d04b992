"""From a height map to a photo: patina, earth, light, camera."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.noise import Field, blur, noise, smoothstep

Image = NDArray[np.float32]
"""A colour at each pixel, float32 (S, S, 3), sRGB from 0 to 255."""


def parse_colours(colours: str) -> NDArray[np.uint8]:
    """Convert sRGB colours in hexadecimal notation, without "#", to uint8 (N, 3)."""
    return np.array([tuple(bytes.fromhex(one)) for one in colours.split()], np.uint8)


# Chosen by eye from photos of Judaean bronzes.
PATINAS = parse_colours(
    "605c4a 465040 3a543e 546e54 2c3236 3c4248 1e2224 6e5438 805c3e 967050 5c422e "
    "463428 787876 8c8a86 58585a 647874 9c8054 3e625c"
)
EARTHS = parse_colours(
    "c4aa78 b29462 96744a cec4aa e0dacc a0a878 80b096 785c3e 282420 "
    "181818 403428 c8a03c"
)
METALS = parse_colours("b0784c c48c54 a06848 968c78 bebeba 3c2c22 1e1c1c 6e6454 d0a86e")
BACKDROPS = parse_colours(
    "ffffff fafaf8 000000 08080a 808080 c8c8cc 3c3e42 aab4c4 283c6e "
    "6e1e22 b4966e 1e4632"
)
# Specks of corrosion products, green and red.
SPECKS = parse_colours("60a078 964632 78b4aa")


def _draw_colour(rng: np.random.Generator, palette: NDArray[np.uint8]) -> Image:
    """A colour near one of a palette, float32 (3,)."""
    base = palette[int(rng.integers(len(palette)))].astype(np.float32)
    gain = np.float32(rng.uniform(0.8, 1.25))
    tint = rng.uniform(0.94, 1.06, 3).astype(np.float32)
    base += (base.mean() - base) * np.float32(rng.uniform(0, 0.6))  # desaturated
    return np.asarray(np.clip(base * gain * tint, 0, 255), np.float32)


def _blend(image: Image, colour: Image, amount: Field) -> Image:
    return np.asarray(image + (colour - image) * amount[:, :, None], np.float32)


def _shade(height: Field, steepness: float, azimuth: float, elevation: float) -> Field:
    """Lambertian shading of a height map under one light, 0 to 1, (S, S)."""
    padded = np.pad(height, 1, mode="edge")
    gx = (padded[1:-1, 2:] - padded[1:-1, :-2]) * np.float32(steepness / 2)
    gy = (padded[2:, 1:-1] - padded[:-2, 1:-1]) * np.float32(steepness / 2)
    lx = np.float32(math.cos(azimuth) * math.cos(elevation))
    ly = np.float32(math.sin(azimuth) * math.cos(elevation))
    lz = np.float32(math.sin(elevation))
    length = np.sqrt(gx * gx + gy * gy + np.float32(1))
    return np.asarray(np.maximum((lz - gx * lx - gy * ly) / length, 0), np.float32)


def _draw_metal(rng: np.random.Generator, above: Field) -> Image:
    """Colours of the coin before it is lit: patina, specks, bare metal, earth.

    `above` is how much higher each pixel is than its surroundings, in relief units.
    """
    size = above.shape[0]
    patina = _draw_colour(rng, PATINAS)
    image: Image = np.broadcast_to(patina, (size, size, 3)).astype(np.float32)
    tint = rng.uniform(0.9, 1.1, 3).astype(np.float32)
    second = np.clip(patina * np.float32(rng.uniform(0.6, 1.5)) * tint, 0, 255)
    if rng.random() < 0.25:
        second = _draw_colour(rng, PATINAS)
    patches = smoothstep(noise(rng, size, int(rng.integers(2, 8))), 0.35, 0.75)
    image = _blend(image, second, patches * np.float32(rng.uniform(0.2, 1.0)))
    if rng.random() < 0.3:
        colour = SPECKS[int(rng.integers(3))].astype(np.float32)
        low = float(rng.uniform(0.72, 0.9))
        specks = smoothstep(noise(rng, size, int(rng.integers(12, 40))), low, low + 0.1)
        image = _blend(image, colour, specks * np.float32(rng.uniform(0.3, 0.9)))
    metal = float(rng.uniform(0.2, 1.0)) if rng.random() < 0.5 else 0.0
    earth = float(rng.uniform(0.3, 1.0)) if rng.random() < 0.65 else 0.0
    if metal:
        shown = smoothstep(above, 0.05, float(rng.uniform(0.25, 0.6)))
        uneven = smoothstep(noise(rng, size, int(rng.integers(2, 9))), 0.1, 0.6)
        amount = shown * uneven * np.float32(metal)
        image = _blend(image, _draw_colour(rng, METALS), amount)
    if earth:
        low = float(rng.uniform(-0.1, 0.12))
        shown = smoothstep(-above, low, low + float(rng.uniform(0.12, 0.35)))
        grains = noise(rng, size, int(rng.integers(2, 12)))
        uneven = smoothstep(grains, 0.05, float(rng.uniform(0.3, 0.9)))
        amount = shown * uneven * np.float32(earth)
        image = _blend(image, _draw_colour(rng, EARTHS), amount)
    return image


def simulate_light(
    rng: np.random.Generator,
    height: Field,
    detail: Field,
    mask: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Colour and light a height map, in front of a plain background.

    Args:
        rng: Source of chance.
        height: The whole surface in relief units, (S, S).
        detail: The design and corrosion alone, in relief units: earth gathers in its
            recesses, bare metal shows on its highest parts.
        mask: How much of each pixel the flan covers, 0 to 255.

    Returns:
        uint8 (S, S, 3) RGB, before the camera.
    """
    scale = height.shape[0] / 160
    unit = np.clip((detail + np.float32(1)) / np.float32(3), 0, 1)
    above = (unit - blur(unit, float(rng.uniform(3.0, 7.0)) * scale)) * np.float32(3)
    image = _draw_metal(rng, above)

    steepness = float(rng.uniform(0.5, 2.6)) / scale
    azimuth = float(rng.uniform(0, 2 * math.pi))
    if rng.random() < 0.6:  # photographers light from above, most from the left
        azimuth = math.radians(float(rng.normal(-115, 40)))
    elevation = math.radians(float(rng.uniform(22, 70)))
    lit = _shade(height, steepness, azimuth, elevation)
    light = lit / np.float32(math.sin(elevation))
    if rng.random() < 0.5:
        other = azimuth + float(rng.uniform(1.2, 5.0))
        fill = _shade(
            height, steepness, other, math.radians(float(rng.uniform(30, 70)))
        )
        fraction = np.float32(rng.uniform(0.2, 0.5))
        light = light * (np.float32(1) - fraction) + fill * fraction * np.float32(1.3)
    contrast = np.float32(rng.uniform(0.45, 1.1))
    light = np.float32(1) + (light - np.float32(1)) * contrast
    depth = np.float32(rng.uniform(0.2, 1.6))
    occlusion = np.float32(1) + np.clip(above, -0.6, 0.6) * depth
    image = image * (light * occlusion)[:, :, None]
    if rng.random() < 0.55:  # gloss
        shine = np.clip(lit - np.float32(0.72), 0, 1) * np.float32(3.2)
        shine = shine * shine
        image = image + (shine * np.float32(rng.uniform(20, 150)))[:, :, None]

    backdrop = _draw_colour(rng, BACKDROPS)
    if rng.random() < 0.45:
        backdrop = np.full(3, 255.0 if rng.random() < 0.65 else 0.0, np.float32)
    cover = mask.astype(np.float32) / np.float32(255)
    image = np.clip(image, 0, 255)
    out = backdrop + (image - backdrop) * cover[:, :, None]
    if rng.random() < 0.15:  # cut-outs often have a light seam
        dilated = cv2.dilate(mask, np.ones((3, 3), np.uint8))
        seam = (dilated.astype(np.float32) - mask) / np.float32(255)
        out = _blend(out, np.full(3, 250.0, np.float32), seam)
    return np.asarray(np.round(np.clip(out, 0, 255)), np.uint8)


def simulate_camera(
    rng: np.random.Generator, image: NDArray[np.uint8], *, sharp: bool = False
) -> tuple[NDArray[np.uint8], float]:
    """Apply blur, resolution, sharpening, tone, grain and JPEG compression.

    Args:
        rng: Source of chance.
        image: uint8 (S, S, 3) RGB.
        sharp: Apply little compression only.

    Returns:
        uint8 (S, S, 3), and the standard deviation of the whole blur in px.
    """
    size = image.shape[0]
    out = image
    variance = 0.25  # of the blur; a pixel itself averages over its area
    if sharp:
        return compress_jpeg(image, int(rng.integers(80, 98))), math.sqrt(variance)
    if rng.random() < 0.75:
        sigma = float(rng.uniform(0.3, 1.1)) * size / 160
        variance += sigma**2
        out = np.asarray(cv2.GaussianBlur(out, (5, 5), sigma), np.uint8)
    if rng.random() < 0.4:  # a small photo, enlarged
        small = max(24, min(size - 1, round(size * float(rng.uniform(0.36, 0.9)))))
        sigma = 0.45 * size / small
        variance += 2 * sigma**2
        out = np.asarray(cv2.GaussianBlur(out, (5, 5), sigma), np.uint8)
        out = _resize(out, small)
        if rng.random() < 0.25:
            out = compress_jpeg(out, int(rng.integers(60, 97)))
        out = _resize(out, size)
    real = out.astype(np.float32)
    if rng.random() < 0.45:  # sharpening, sometimes far too much
        wide = float(rng.uniform(0.8, 3.0)) * size / 160
        soft = cv2.GaussianBlur(out, (15, 15), wide).astype(np.float32)
        real = real + (real - soft) * np.float32(rng.uniform(0.3, 1.8))
    tone = rng.random()
    if tone < 0.15:  # black and white
        grey = real @ np.array([0.3, 0.59, 0.11], np.float32)
        real = np.repeat(grey[:, :, None], 3, axis=2)
    elif tone < 0.6:
        real = real * rng.uniform(0.93, 1.07, 3).astype(np.float32)
    gain = np.float32(rng.uniform(0.75, 1.3))
    lift = np.float32(rng.normal(0, 14))
    real = (real - np.float32(110)) * gain + np.float32(110) + lift
    if rng.random() < 0.5:
        grain = rng.integers(-6, 7, (size, size, 1)).astype(np.float32)
        real = real + grain * np.float32(rng.uniform(0.2, 1.2))
    out = np.round(np.clip(real, 0, 255)).astype(np.uint8)
    if rng.random() < 0.6:
        out = compress_jpeg(out, int(rng.integers(60, 97)))
    return out, math.sqrt(variance)


def _resize(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    exact = cv2.INTER_LINEAR_EXACT
    return np.asarray(cv2.resize(image, (side, side), interpolation=exact), np.uint8)


def compress_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """An image, uint8 (H, W, 3), after JPEG compression at a quality of 1 to 100."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
