"""What two thousand years do to a struck coin: weak strikes, wear, corrosion."""

from dataclasses import dataclass

import numpy as np

from coin_core.rendering.noise import Field, blurred, noise, smoothstep


@dataclass(frozen=True, slots=True)
class Weathered:
    """Relief that is left, what share of it, and the corrosion, all (S, S)."""

    relief: Field
    kept: Field
    corrosion: Field


def apply_wear(rng: np.random.Generator, relief: Field, wear: float) -> Weathered:
    """Wear and corrode a relief of 0..1.

    Args:
        rng: Source of chance.
        relief: Height of the struck design above the field, 0..1, (S, S).
        wear: 0 for a coin as struck, 1 for the worst.

    Returns:
        The relief left, the share of it kept (0..1) and the height of the
        corrosion that lies over everything (relief units, may be negative).
    """
    size = relief.shape[0]
    kept = np.full(relief.shape, 1.0, np.float32)
    # weak strike: a part of the design never came up
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.5 + 0.4 * wear else 0):
        at = float(rng.uniform(0.62, 1.05) - 0.25 * wear)
        weak = smoothstep(noise(rng, size, int(rng.integers(2, 4))), at, at + 0.2)
        kept *= np.float32(1) - weak * np.float32(rng.uniform(0.6, 1.0))
    if rng.random() < 0.3 + 0.5 * wear:  # strokes break up
        gaps = noise(rng, size, int(rng.integers(12, 30)))
        at = float(rng.uniform(0.45, 0.8))
        kept *= np.float32(1) - smoothstep(gaps, at, at + 0.2) * np.float32(
            rng.uniform(0.3, 0.9) * (0.4 + 0.6 * wear)
        )
    # wear takes the heights first: a plane that sinks and is not level
    level = np.float32(1.0 - 0.75 * wear * float(rng.uniform(0.2, 1.0)))
    plane = level + np.float32(0.35) * (noise(rng, size, 3) - np.float32(0.5))
    plane = np.clip(plane, 0.12, 1.3)
    # rubbed down, then rounded: no edge stays where the plane cut
    rubbed = np.minimum(blurred(relief, 0.5), plane)
    worn = blurred(rubbed, 0.5 + 1.2 * wear * float(rng.random()))
    kept *= np.clip(plane, 0, 1)
    rough = np.float32(rng.uniform(0.05, 0.25) + 0.45 * wear * rng.random())
    corrosion = rough * (noise(rng, size, size // 2) - np.float32(0.5))
    corrosion += (
        rough
        * np.float32(0.9)
        * (noise(rng, size, size // int(rng.integers(3, 7))) - np.float32(0.5))
    )
    if rng.random() < 0.3 + 0.5 * wear:  # pitting
        dense = float(rng.uniform(0.02, 0.12))
        grains = noise(rng, size, size // int(rng.integers(2, 5)))
        pits = smoothstep(grains, 1 - dense - 0.12, 1 - dense)
        corrosion -= pits * np.float32(rng.uniform(0.3, 1.0))
    if rng.random() < 0.15 + 0.5 * wear:  # crust that swallows the design
        at = float(rng.uniform(0.68, 0.95))
        crust = smoothstep(noise(rng, size, int(rng.integers(3, 9))), at, at + 0.15)
        kept *= np.float32(1) - np.float32(0.85) * crust
        corrosion += crust * np.float32(rng.uniform(0.1, 0.6))
        corrosion += crust * np.float32(0.5) * noise(rng, size, size // 3)
    # what corrosion makes unreadable even where the height is kept
    lost = np.clip(rough * np.float32(0.8) - np.float32(0.2), 0, 0.6)
    relief_left = worn * np.where(kept > 0, kept / np.clip(plane, 0.12, 1), 0)
    return Weathered(
        relief=relief_left.astype(np.float32),
        kept=(kept * (np.float32(1) - lost)).astype(np.float32),
        corrosion=corrosion.astype(np.float32),
    )
