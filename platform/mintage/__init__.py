"""Mintage makes synthetic data at scale, and can prove where every row came from."""
