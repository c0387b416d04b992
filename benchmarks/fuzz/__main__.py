"""Put damaged files through the doors that users' files take.

    python -m benchmarks.fuzz [--photos 20000] [--bundles 2000] [--pages 2000]
        [--tables 500] [--seed 1] [--first 0] [--out fuzz-failures]
    python -m benchmarks.fuzz --case photos:123     one case again, with its traceback

A file is refused with a sentence, or read. Anything else is a failure, and then the
exit code is 1: another exception, a lost process, more than 10 s of computing, more
than 1.5 GB of memory, or a verdict with a number that is none. Failing files are kept.
The same seed and number give the same files, so that `--first` goes on after a break.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: it is forked

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import argument_parser
from benchmarks.fuzz.doors import KINDS, warm_up
from benchmarks.fuzz.runs import (
    HEADING,
    Outcome,
    put_through,
    row,
    run_cases,
    write_case,
)

COUNTS = {"photos": 20_000, "bundles": 2_000, "pages": 2_000, "tables": 500}
_TELL_S = 60


def main() -> None:
    """Run the cases that the arguments name."""
    parser = argument_parser(__doc__, **COUNTS, seed=1, first=0)
    parser.add_argument("--case", help="run only this one, such as photos:123")
    parser.add_argument("--out", type=Path, default=Path("fuzz-failures"))
    args = parser.parse_args()
    if args.case:
        sys.exit(show_case(args.case, args.seed))
    warm_up()
    outcomes: dict[str, list[Outcome]] = {name: [] for name in COUNTS}
    told = time.monotonic()
    try:
        for name, found in outcomes.items():
            numbers = range(args.first, args.first + getattr(args, name))
            for outcome in run_cases(KINDS[name], args.seed, numbers):
                found.append(outcome)
                if outcome.failure:
                    case = f"{name}-{outcome.number}"
                    print(f"{case}: {outcome.failure}", flush=True)
                    write_case(args.out / case, KINDS[name], args.seed, outcome.number)
                if time.monotonic() - told > _TELL_S:
                    told = time.monotonic()
                    print(f"{len(found):,} {name}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("Stopped.")
    print(HEADING)
    for name, found in outcomes.items():
        print(row(KINDS[name].title, found))
    if any(one.failure for found in outcomes.values() for one in found):
        sys.exit(f"The files that failed are in {args.out}.")


def show_case(case: str, seed: int) -> int:
    """Run one case in this process; returns the exit code."""
    name, _, number = case.partition(":")
    with tempfile.TemporaryDirectory(prefix="coin-fuzz-") as scratch:
        os.environ["COIN_DATA_DIR"] = f"{scratch}/data"
        folder = Path(scratch) / "case"
        write_case(folder, KINDS[name], seed, int(number))
        outcome = put_through(KINDS[name], folder, int(number), print)
    print(outcome)
    return int(bool(outcome.failure))


if __name__ == "__main__":
    main()
