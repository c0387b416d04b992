"""The process that does an import: started by `importing`, not by hand.

python -m coin_core.catalog.importing.process IMPORT_ID PHOTOS_DIR [LOCK_HANDLE]
"""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

from coin_core.catalog import open_catalog
from coin_core.catalog.importing.ingest import work_on
from coin_core.errors import CoinError


def main(arguments: list[str]) -> int:
    """Work until the import is done, or until SIGTERM; 0 when it is done."""
    import cv2

    cv2.setNumThreads(1)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stopped = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    import_id, photos_dir = int(arguments[0]), Path(arguments[1])
    handle = int(arguments[2]) if len(arguments) > 2 else None
    try:
        catalog = open_catalog(photos_dir=photos_dir)
        for _ in work_on(catalog, import_id, handle, stop=lambda: stopped):
            pass
    except CoinError as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
