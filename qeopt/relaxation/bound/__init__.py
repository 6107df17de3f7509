"""A proven upper bound on the score of every structure and bit assignment of a space, and the structures that come near it."""

from qeopt.relaxation.bound.joint import JointBound, bound_space
from qeopt.relaxation.bound.part import BoundPart
from qeopt.relaxation.bound.recheck import recheck

__all__ = ["BoundPart", "JointBound", "bound_space", "recheck"]
