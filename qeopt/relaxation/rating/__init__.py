"""What structures can score, for many at once: bounds and exact values, looked up in the tables of cells."""
