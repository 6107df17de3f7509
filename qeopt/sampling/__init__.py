"""Structures drawn uniformly from a space, and the screen that says which of them may fit."""

from qeopt.sampling.draws import Sampler
from qeopt.sampling.screen import Column, may_fit

__all__ = ["Column", "Sampler", "may_fit"]
