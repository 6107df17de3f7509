"""A proven upper bound on the score of every structure and bit assignment of a space, and the structures that come near it."""

from qeopt.relaxation.bound.joint import JointBound, bound_space, closed
from qeopt.relaxation.bound.part import BoundPart
from qeopt.relaxation.bound.recheck import recheck
from qeopt.relaxation.bound.single import best_bits, bound_of

__all__ = ["BoundPart", "JointBound", "best_bits", "bound_of", "bound_space", "closed", "recheck"]
