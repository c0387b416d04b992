"""The contact address that is sent to sites with every request."""

from __future__ import annotations

import os
import re
from typing import Final

from coin_core.storage import data_dir, read_text, write_file
from scrapers.errors import ContactMissingError

_MOST_BYTES: Final = 10_000
_CONTACT: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|https?://[^\s/]+\.\S+")


def read_contact() -> str:
    """The mail address or web page that sites may write to.

    Raises:
        ContactMissingError: None is set.
    """
    contact = os.environ.get("COIN_CONTACT", "")
    stored = data_dir() / "contact.txt"
    if not contact and stored.is_file():
        contact = read_text(stored, errors="replace", most_bytes=_MOST_BYTES)
    if not contact.strip():
        raise ContactMissingError(
            "No contact is set; sites get it with every request. Set it once: "
            "python -m scrapers contact you@example.org"
        )
    return _checked(contact)


def store_contact(contact: str) -> None:
    """Store the contact for all later runs.

    Raises:
        ContactMissingError: It is neither a mail address nor a web page.
    """
    checked = _checked(contact)
    data_dir().mkdir(parents=True, exist_ok=True)
    write_file(data_dir() / "contact.txt", f"{checked}\n".encode())


def _checked(contact: str) -> str:
    plain = contact.strip()
    if not _CONTACT.fullmatch(plain) or not plain.isascii() or len(plain) > 200:
        raise ContactMissingError(
            f"A contact is a mail address or a web page, in ASCII, not {plain!r}."
        )
    return plain
