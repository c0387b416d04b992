"""Changes of the tables over time; `coin_core.catalog` runs them on opening."""
