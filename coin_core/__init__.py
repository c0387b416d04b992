"""What is true of coins without a screen or a network."""
