"""The Gaussian copula: every column's own distribution, tied together by one matrix of correlations."""
