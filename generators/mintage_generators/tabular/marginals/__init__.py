"""Independent columns: the baseline that every other tabular generator is compared with."""
