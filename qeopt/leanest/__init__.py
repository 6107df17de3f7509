"""What a space needs at the very least, for when none of its structures fits."""

from qeopt.leanest.least import Least, excludes_all, least_need, least_of, only
from qeopt.leanest.misfit import SpaceMisfit, explain_space

__all__ = ["Least", "SpaceMisfit", "excludes_all", "explain_space", "least_need", "least_of", "only"]
