"""`tabular.segments`: a model of its own for each value of a column."""
