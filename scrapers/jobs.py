"""The process that gathers: started by the catalog, not by hand.

python -m scrapers.jobs IMPORT_ID PHOTOS_DIR [LOCK_HANDLE]

What it asks and what goes wrong stands in its log, which the Dataset page shows.
"""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

from coin_core.catalog import open_catalog
from coin_core.catalog.importing import jobs
from coin_core.catalog.importing.records import ImportState
from coin_core.catalog.scrape_jobs import scrape_order, scrape_progress
from coin_core.errors import CoinError
from scrapers.ingest import gather
from scrapers.registry import opened
from scrapers.stop_token import StopToken

_log = logging.getLogger("scrapers")


def main(arguments: list[str]) -> int:
    """Gather until all is there, or until somebody stops it; 0 when all is there."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    _log.setLevel(logging.INFO)
    import_id, photos_dir = int(arguments[0]), Path(arguments[1])
    handle = int(arguments[2]) if len(arguments) > 2 else None
    patience = StopToken()
    signal.signal(signal.SIGTERM, lambda *_: patience.end())
    catalog = open_catalog(photos_dir=photos_dir)
    try:
        order = scrape_order(catalog, import_id)
        patience.ask(lambda: not jobs.wants_to_run(catalog, import_id))
        with opened(order, sleep=patience.sleep) as source:
            for _ in gather(
                catalog,
                source,
                order,
                import_id=import_id,
                handle=handle,
                stop=patience.is_over,
            ):
                pass
    except CoinError as error:
        if scrape_progress(catalog, import_id).error != str(error):  # not told yet
            _log.error("%s", error)
            jobs.set_state(catalog, import_id, ImportState.STOPPED, str(error))
        return 1
    finally:
        catalog.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
