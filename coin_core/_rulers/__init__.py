"""The facts behind `coin_core.rulers`; import them from there."""
