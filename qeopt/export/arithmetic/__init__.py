"""What an exported network computes: its numbers, how they are rounded, and the exact sums between."""
