"""Hostile files through the doors that users' files take."""
