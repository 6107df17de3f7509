"""Training with the bits of a design, and what the network then gets right. PyTorch is imported where it is used, not before."""
