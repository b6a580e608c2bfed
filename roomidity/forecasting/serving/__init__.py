"""What runs when a forecast is made, and each night when its state moves on: NumPy alone."""
