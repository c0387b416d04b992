"""Pictures for the page: shrinking, data addresses, SVG drawings."""

from __future__ import annotations

import base64
import io
import re
from html import escape

import numpy as np
from PIL import Image
from streamlit import config, runtime

_VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


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
    code = base64.b64encode(to_jpeg(image, quality=quality)).decode()
    return f"data:image/jpeg;base64,{code}"


def media_address(jpeg: bytes, place: str) -> str:
    """An address of a JPEG for a custom component, good while the page is shown.

    The browser fetches it once, where a data address would be sent with every change
    of the component.
    """
    if not runtime.exists():  # in tests of a page without a server
        return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
    manager = runtime.get_instance().media_file_mgr
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    address = manager.add(jpeg, "image/jpeg", place)
    return f"/{base}{address}" if base else address


def to_jpeg(image: np.ndarray, *, quality: int = 88) -> bytes:
    """An RGB picture as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def svg_to_image_tag(svg: str, *, alt: str, height_em: float) -> str:
    """A drawing as an HTML image: Streamlit removes bare SVG from HTML.

    It is smaller where a column is narrow, so the width comes from its `viewBox`.
    """
    data = base64.b64encode(svg.encode()).decode()
    width, height = map(float, _VIEW_BOX.findall(svg)[0])
    width_em = height_em * width / height
    return (
        f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(alt, quote=True)}" '
        f'title="{escape(alt, quote=True)}" '
        f'style="width:{width_em:.2f}em;max-width:100%;height:auto;'
        'vertical-align:-0.18em">'
    )
