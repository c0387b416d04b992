"""What two thousand years do to a struck coin: weak strike, wear, corrosion."""

from dataclasses import dataclass

import numpy as np

from coin_core.rendering.noise import Field, blur, noise, smoothstep


@dataclass(frozen=True, slots=True)
class WornRelief:
    """The relief of a worn coin.

    Attributes:
        relief: Height that is left of the design, 0 to 1.
        kept: Fraction of the design's height that is left and legible, 0 to 1.
        corrosion: Height of corrosion on top, in units of the relief; may be negative.
    """

    relief: Field
    kept: Field
    corrosion: Field


def apply_wear(rng: np.random.Generator, relief: Field, wear: float) -> WornRelief:
    """Wear and corrode a relief.

    Args:
        rng: Source of chance.
        relief: Height of the struck design above the field, 0 to 1, (S, S).
        wear: 0 for a coin as struck, 1 for the most worn.
    """
    size = relief.shape[0]
    kept = np.full(relief.shape, 1.0, np.float32)
    # weak strike: a part of the design was never struck up
    weak_spots = int(rng.integers(0, 3)) if rng.random() < 0.5 + 0.4 * wear else 0
    for _ in range(weak_spots):
        low = float(rng.uniform(0.62, 1.05) - 0.25 * wear)
        weak = smoothstep(noise(rng, size, int(rng.integers(2, 4))), low, low + 0.2)
        kept *= np.float32(1) - weak * np.float32(rng.uniform(0.6, 1.0))
    if rng.random() < 0.3 + 0.5 * wear:  # strokes break up
        gaps = noise(rng, size, int(rng.integers(12, 30)))
        low = float(rng.uniform(0.45, 0.8))
        kept *= np.float32(1) - smoothstep(gaps, low, low + 0.2) * np.float32(
            rng.uniform(0.3, 0.9) * (0.4 + 0.6 * wear)
        )
    # wear takes the highest parts first: an uneven plane cuts them off
    level = np.float32(1.0 - 0.75 * wear * float(rng.uniform(0.2, 1.0)))
    plane = level + np.float32(0.35) * (noise(rng, size, 3) - np.float32(0.5))
    plane = np.clip(plane, 0.12, 1.3)
    cut = np.minimum(blur(relief, 0.5), plane)
    worn = blur(cut, 0.5 + 1.2 * wear * float(rng.random()))  # rounds the cut edges
    kept *= np.clip(plane, 0, 1)
    rough = np.float32(rng.uniform(0.05, 0.25) + 0.45 * wear * rng.random())
    corrosion = rough * (noise(rng, size, size // 2) - np.float32(0.5))
    coarse = noise(rng, size, size // int(rng.integers(3, 7)))
    corrosion += rough * np.float32(0.9) * (coarse - np.float32(0.5))
    if rng.random() < 0.3 + 0.5 * wear:  # pits
        density = float(rng.uniform(0.02, 0.12))
        grains = noise(rng, size, size // int(rng.integers(2, 5)))
        pits = smoothstep(grains, 1 - density - 0.12, 1 - density)
        corrosion -= pits * np.float32(rng.uniform(0.3, 1.0))
    if rng.random() < 0.15 + 0.5 * wear:  # crust that covers the design
        low = float(rng.uniform(0.68, 0.95))
        crust = smoothstep(noise(rng, size, int(rng.integers(3, 9))), low, low + 0.15)
        kept *= np.float32(1) - np.float32(0.85) * crust
        corrosion += crust * np.float32(rng.uniform(0.1, 0.6))
        corrosion += crust * np.float32(0.5) * noise(rng, size, size // 3)
    # corrosion makes letters illegible even where the height is kept
    lost = np.clip(rough * np.float32(0.8) - np.float32(0.2), 0, 0.6)
    relief_left = worn * np.where(kept > 0, kept / np.clip(plane, 0.12, 1), 0)
    return WornRelief(
        relief=relief_left.astype(np.float32),
        kept=(kept * (np.float32(1) - lost)).astype(np.float32),
        corrosion=corrosion.astype(np.float32),
    )
