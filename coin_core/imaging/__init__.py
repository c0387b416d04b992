"""Photos to pixels, and pixels to network inputs."""
