"""What a space needs at the very least, for when none of its structures fits."""

from qeopt.infeasibility.misfit import SpaceMisfit, explain_space
from qeopt.infeasibility.space import Least, excludes_all, least_need, least_of, only

__all__ = ["Least", "SpaceMisfit", "excludes_all", "explain_space", "least_need", "least_of", "only"]
