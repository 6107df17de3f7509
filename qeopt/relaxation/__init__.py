"""All that looks into the tabulated lattice of a space: its cells, the joint bound, and relaxed values of many structures."""
