"""Kinds of blocks, one a file: what each lets a study choose, and the cells a choice becomes."""
