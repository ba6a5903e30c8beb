"""Noisy marginals joined in a graphical model: tables under strong differential privacy."""
