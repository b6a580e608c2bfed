"""How good forecasts were: losses and their sums, the gate between models, drift."""
