"""What runs when a model is trained: scikit-learn for rooms, NumPy for the prior."""
