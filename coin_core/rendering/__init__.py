"""Coins rendered from a seed: images with the truth about every letter."""

from coin_core.rendering.coins import KINDS, RenderedCoin, RenderedLetter, render_coin

__all__ = ["KINDS", "RenderedCoin", "RenderedLetter", "render_coin"]
