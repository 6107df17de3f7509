"""Labelled images: where they may come from, one kind a module."""
