"""The report: one page for each coin, as HTML or PDF."""
