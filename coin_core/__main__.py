"""`python -m coin_core`: the command line."""

from coin_core.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
