"""Pre-training, fitting, calibration and history."""
