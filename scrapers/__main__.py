"""The command line: python -m scrapers SOURCE QUERY [--limit N] [--dry-run]."""

import sys

from scrapers.cli import main

if __name__ == "__main__":
    sys.exit(main())
