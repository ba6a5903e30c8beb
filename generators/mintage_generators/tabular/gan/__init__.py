"""A generative adversarial network of rows, the family of CTGAN."""
