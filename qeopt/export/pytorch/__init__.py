"""PyTorch modules that train with the bits of a design."""
