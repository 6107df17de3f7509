"""What a space needs at the very least, for when none of its structures fits."""

from qeopt.leanest.least import Least, excludes_all, least_need, least_of, only
from qeopt.leanest.misfit import Leanest, SpaceMisfit, explain_space, leanest

__all__ = ["Leanest", "Least", "SpaceMisfit", "excludes_all", "explain_space", "leanest", "least_need", "least_of", "only"]
