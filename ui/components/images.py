"""Pictures for the page: shrinking, data addresses, SVG drawings."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
from PIL import Image


def shrink(image: np.ndarray, longest_px: int) -> np.ndarray:
    """The picture with no side over `longest_px`; smaller ones are unchanged."""
    height, width = image.shape[:2]
    if max(height, width) <= longest_px:
        return image
    picture = Image.fromarray(image)
    picture.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def to_data_uri(image: np.ndarray, *, quality: int = 88) -> str:
    """An RGB picture as a data address for HTML, SVG or a table cell."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def svg_to_image_tag(svg: str, *, alt: str, height_em: float) -> str:
    """A drawing as an HTML image: Streamlit removes bare SVG from HTML."""
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(alt, quote=True)}" '
        f'title="{escape(alt, quote=True)}" '
        f'style="height:{height_em}em;vertical-align:-0.18em">'
    )


def svg_over_picture(
    image: np.ndarray, marks: str, *, size: tuple[int, int] | None = None
) -> str:
    """The picture with marks drawn over it.

    Args:
        image: The picture.
        marks: SVG elements in px of `size`.
        size: Drawn width and height; those of the picture if None.
    """
    height, width = image.shape[:2]
    if size is not None:
        width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" '
        f"font-family=\"Georgia, 'Noto Serif', serif\">"
        f'<image href="{to_data_uri(image)}" width="{width}" height="{height}"/>'
        f"{marks}</svg>"
    )
