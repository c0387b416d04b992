"""Where photos of coins come from: open collections, and pages that a user saved."""
