"""Unpacks a ZIP of saved pages into a temporary folder."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from coin_core.catalog.importing.archives import Archive
from coin_core.errors import CoinError
from scrapers.errors import PageChangedError

MOST_BYTES: Final = 4 << 30


@contextlib.contextmanager
def unpack(path: Path, problems: list[str]) -> Iterator[Path]:
    """A temporary folder with the files of an archive; unsafe ones are skipped.

    Args:
        path: The archive.
        problems: Gets a sentence for each file that is skipped.

    Raises:
        PageChangedError: It is not a ZIP archive, or too large.
    """
    with tempfile.TemporaryDirectory(prefix="coin-pages-") as made:
        folder = Path(made).resolve()
        try:
            with Archive(path) as archive:
                _unpack_into(archive, folder, problems)
        except CoinError as error:
            raise PageChangedError(str(error)) from error
        yield folder


def _unpack_into(archive: Archive, folder: Path, problems: list[str]) -> None:
    taken = 0
    for member in archive.members():
        if member.problem:
            problems.append(member.problem)
            continue
        try:
            data = archive.read(member.number)
        except CoinError as error:
            problems.append(str(error))
            continue
        taken += len(data)
        if taken > MOST_BYTES:
            raise PageChangedError(
                f"{archive.path.name} unpacks to more than {MOST_BYTES >> 30} GB. Pack "
                "several smaller archives."
            )
        place = folder.joinpath(*member.name.split("/")).resolve()
        if not place.is_relative_to(folder) or place.exists():
            problems.append(f"{member.name[:80]!r} was left out of the archive.")
            continue
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise
            problems.append(f"{member.name[:80]!r} cannot be unpacked.")
