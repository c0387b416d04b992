"""Coins in a photo: their boxes, their sides, the poses of their legends."""
