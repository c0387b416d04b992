"""Benchmarks behind docs/benchmarks.md; run with `python -m benchmarks.NAME`."""
