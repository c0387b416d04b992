"""Model bundles: weights with a card, written and verified."""
