"""What developers run: measurements, and the training of the prior. scripts/ starts each; no wheel has them."""
