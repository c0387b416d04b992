"""The Training history page."""
