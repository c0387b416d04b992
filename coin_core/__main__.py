"""`python -m coin_core`: the command line."""

from coin_core.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
