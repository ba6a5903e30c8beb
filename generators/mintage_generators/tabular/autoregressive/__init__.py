"""Any-order masked autoregressive networks over the codec's tokens."""
