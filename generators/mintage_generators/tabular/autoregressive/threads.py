"""Torch's number of threads, and the type in which this processor multiplies matrices fastest."""

from mintage_generators.tabular.learning.hardware import products, torch_threads

__all__ = ["products", "torch_threads"]
