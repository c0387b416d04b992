"""The HTTP API: photos in, verdicts out; models in while it runs; and its client."""

from coin_core.api.client import ApiError, Client

__all__ = ["ApiError", "Client"]
