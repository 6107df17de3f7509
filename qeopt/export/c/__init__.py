"""Designs as C: tables for anybody's kernels, or a whole program of kernels of this project."""
