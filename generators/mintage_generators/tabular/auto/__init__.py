"""Choice of a generator: candidates learn for a while, held-out rows judge them, one is fitted in full."""
