"""Coins struck from a seed, with their ground truth."""
