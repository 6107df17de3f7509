"""Training with the bits of a design, and what the trained network gets right. PyTorch is imported where it is used, never before."""
