"""What the pages show: shared parts, and one package per page."""
