"""Generators of one flat table of mixed columns, and the codec that they share."""
