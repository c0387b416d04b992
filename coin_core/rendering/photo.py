"""Patina, earth, light and camera: from a height map to a photograph."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from coin_core.rendering.noise import Field, blurred, noise, smoothstep

Image = NDArray[np.float32]

# sRGB, by eye from photographs of Judaean bronzes
PATINAS = (
    (96, 92, 74),
    (70, 80, 64),
    (58, 84, 62),
    (84, 110, 84),
    (44, 50, 54),
    (60, 66, 72),
    (30, 34, 36),
    (110, 84, 56),
    (128, 92, 62),
    (150, 112, 80),
    (92, 66, 46),
    (70, 52, 40),
    (120, 120, 118),
    (140, 138, 134),
    (88, 88, 90),
    (100, 120, 116),
    (156, 128, 84),
    (62, 98, 92),
)
EARTHS = (
    (196, 170, 120),
    (178, 148, 98),
    (150, 116, 74),
    (206, 196, 170),
    (224, 218, 204),
    (160, 168, 120),
    (128, 176, 150),
    (120, 92, 62),
    (40, 36, 32),
    (24, 24, 24),
    (64, 52, 40),
    (200, 160, 60),
)
METALS = (
    (176, 120, 76),
    (196, 140, 84),
    (160, 104, 72),
    (150, 140, 120),
    (190, 190, 186),
    (60, 44, 34),
    (30, 28, 28),
    (110, 100, 84),
    (208, 168, 110),
)
BACKGROUNDS = (
    (255, 255, 255),
    (250, 250, 248),
    (0, 0, 0),
    (8, 8, 10),
    (128, 128, 128),
    (200, 200, 204),
    (60, 62, 66),
    (170, 180, 196),
    (40, 60, 110),
    (110, 30, 34),
    (180, 150, 110),
    (30, 70, 50),
)


def _colour(
    rng: np.random.Generator, palette: tuple[tuple[int, int, int], ...]
) -> Image:
    base = np.array(palette[int(rng.integers(len(palette)))], np.float32)
    gain = np.float32(rng.uniform(0.8, 1.25))
    tint = rng.uniform(0.94, 1.06, 3).astype(np.float32)
    # few are of a pure colour
    base += (base.mean() - base) * np.float32(rng.uniform(0, 0.6))
    return np.asarray(np.clip(base * gain * tint, 0, 255), np.float32)


def _mixed(image: Image, colour: Image, amount: Field) -> Image:
    share = amount[:, :, None]
    out: Image = image + (colour - image) * share
    return out


def _shade(height: Field, steep: float, azimuth: float, elevation: float) -> Field:
    """Lambert's cosine of a height map under one light, (S, S)."""
    padded = np.pad(height, 1, mode="edge")
    gx = (padded[1:-1, 2:] - padded[1:-1, :-2]) * np.float32(steep / 2)
    gy = (padded[2:, 1:-1] - padded[:-2, 1:-1]) * np.float32(steep / 2)
    lx = np.float32(math.cos(azimuth) * math.cos(elevation))
    ly = np.float32(math.sin(azimuth) * math.cos(elevation))
    lz = np.float32(math.sin(elevation))
    length = np.sqrt(gx * gx + gy * gy + np.float32(1))
    out: Field = np.maximum((lz - gx * lx - gy * ly) / length, 0)
    return out


def photograph(
    rng: np.random.Generator,
    height: Field,
    detail: Field,
    mask: NDArray[np.uint8],
    ground: tuple[int, int, int] | None = None,
) -> NDArray[np.uint8]:
    """Colour and light a height map and lay the coin on a plain ground.

    Args:
        rng: Source of chance.
        height: The whole surface in relief units, (S, S).
        detail: The design and corrosion alone, in relief units: earth gathers
            in its recesses, bare metal shows on its heights.
        mask: The flan's cover of each pixel, 0..255.
        ground: sRGB of the ground, or None for one at random.

    Returns:
        uint8 (S, S, 3), before the camera.
    """
    size = height.shape[0]
    scale = size / 160
    unit = np.clip((detail + np.float32(1)) / np.float32(3), 0, 1)
    around = blurred(unit, float(rng.uniform(3.0, 7.0)) * scale)
    above = (unit - around) * np.float32(3)  # relief units over its surroundings

    patina = _colour(rng, PATINAS)
    image: Image = np.broadcast_to(patina, (size, size, 3)).astype(np.float32)
    tint = rng.uniform(0.9, 1.1, 3).astype(np.float32)
    second = np.clip(patina * np.float32(rng.uniform(0.6, 1.5)) * tint, 0, 255)
    if rng.random() < 0.25:
        second = _colour(rng, PATINAS)
    patch = smoothstep(noise(rng, size, int(rng.integers(2, 8))), 0.35, 0.75)
    image = _mixed(image, second, patch * np.float32(rng.uniform(0.2, 1.0)))
    if rng.random() < 0.3:  # green or red specks
        speck = np.array(
            ((96, 160, 120), (150, 70, 50), (120, 180, 170))[int(rng.integers(3))],
            np.float32,
        )
        at = float(rng.uniform(0.72, 0.9))
        where = smoothstep(noise(rng, size, int(rng.integers(12, 40))), at, at + 0.1)
        image = _mixed(image, speck, where * np.float32(rng.uniform(0.3, 0.9)))
    metal = float(rng.uniform(0.2, 1.0)) if rng.random() < 0.5 else 0.0
    earth = float(rng.uniform(0.3, 1.0)) if rng.random() < 0.65 else 0.0
    if metal:
        shown = smoothstep(above, 0.05, float(rng.uniform(0.25, 0.6)))
        uneven = smoothstep(noise(rng, size, int(rng.integers(2, 9))), 0.1, 0.6)
        image = _mixed(image, _colour(rng, METALS), shown * uneven * np.float32(metal))
    if earth:
        low = float(rng.uniform(-0.1, 0.12))
        shown = smoothstep(-above, low, low + float(rng.uniform(0.12, 0.35)))
        uneven = smoothstep(
            noise(rng, size, int(rng.integers(2, 12))),
            0.05,
            float(rng.uniform(0.3, 0.9)),
        )
        image = _mixed(image, _colour(rng, EARTHS), shown * uneven * np.float32(earth))

    steep = float(rng.uniform(0.5, 2.6)) / scale
    azimuth = float(rng.uniform(0, 2 * math.pi))
    if rng.random() < 0.6:  # photographers light from above, most from the left
        azimuth = math.radians(float(rng.normal(-115, 40)))
    elevation = math.radians(float(rng.uniform(22, 70)))
    lit = _shade(height, steep, azimuth, elevation)
    flat = np.float32(math.sin(elevation))
    light = lit / flat
    if rng.random() < 0.5:
        other = azimuth + float(rng.uniform(1.2, 5.0))
        fill = _shade(height, steep, other, math.radians(float(rng.uniform(30, 70))))
        share = np.float32(rng.uniform(0.2, 0.5))
        light = light * (np.float32(1) - share) + fill * share * np.float32(1.3)
    contrast = np.float32(rng.uniform(0.45, 1.1))
    light = np.float32(1) + (light - np.float32(1)) * contrast
    occlusion = np.float32(1) + np.clip(above, -0.6, 0.6) * np.float32(
        rng.uniform(0.2, 1.6)
    )
    image = image * (light * occlusion)[:, :, None]
    if rng.random() < 0.55:  # gloss
        shine = np.clip(lit - np.float32(0.72), 0, 1) * np.float32(3.2)
        shine = shine * shine
        image = image + (shine * np.float32(rng.uniform(20, 150)))[:, :, None]

    lay = _colour(rng, BACKGROUNDS) if ground is None else np.array(ground, np.float32)
    if ground is None and rng.random() < 0.45:
        lay = np.full(3, 255.0 if rng.random() < 0.65 else 0.0, np.float32)
    cover = mask.astype(np.float32) / np.float32(255)
    image = np.clip(image, 0, 255)
    out = lay + (image - lay) * cover[:, :, None]
    if rng.random() < 0.15:  # cut-outs often carry a light seam
        fat = cv2.dilate(mask, np.ones((3, 3), np.uint8))
        seam = (fat.astype(np.float32) - mask) / np.float32(255)
        out = _mixed(out, np.full(3, 250.0, np.float32), seam)
    return np.round(np.clip(out, 0, 255)).astype(np.uint8)


def camera(
    rng: np.random.Generator, image: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], float]:
    """Blur, resolution, sharpening, tone, grain and JPEG.

    Returns:
        uint8 (S, S, 3), and the standard deviation in px of the whole blur.
    """
    size = image.shape[0]
    out = image
    spread = 0.25  # squared; a pixel is itself a blur
    if rng.random() < 0.75:
        sigma = float(rng.uniform(0.3, 1.1)) * size / 160
        spread += sigma**2
        out = np.asarray(cv2.GaussianBlur(out, (5, 5), sigma), np.uint8)
    if rng.random() < 0.4:  # small photos, enlarged again
        small = max(24, min(size - 1, round(size * float(rng.uniform(0.36, 0.9)))))
        sigma = 0.45 * size / small
        spread += 2 * sigma**2
        out = np.asarray(cv2.GaussianBlur(out, (5, 5), sigma), np.uint8)
        out = _resized(out, small)
        out = _jpeg(rng, out, 0.25)
        out = _resized(out, size)
    real = out.astype(np.float32)
    if rng.random() < 0.45:  # sharpening, at times far too much
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
    done = np.round(np.clip(real, 0, 255)).astype(np.uint8)
    return _jpeg(rng, done, 0.6), math.sqrt(spread)


def _resized(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    way = cv2.INTER_LINEAR_EXACT
    return np.asarray(cv2.resize(image, (side, side), interpolation=way), np.uint8)


def _jpeg(
    rng: np.random.Generator, image: NDArray[np.uint8], share: float
) -> NDArray[np.uint8]:
    if rng.random() >= share:
        return image
    quality = int(rng.integers(60, 97))
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    out: NDArray[np.uint8] = np.asarray(
        cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8
    )
    return out
