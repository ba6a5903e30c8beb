"""Categories by masked diffusion, one at a time, then all numbers at once by a flow from noise."""
