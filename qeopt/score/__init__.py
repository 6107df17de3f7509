"""Objectives: the QE-Score and its parts, and the protocol others follow."""

from qeopt.score.objective import MICRO, OBJECTIVES, Objective, evaluate
from qeopt.score.qe import QEScore
from qeopt.score.sigma_hat import sigma_hat

__all__ = ["MICRO", "OBJECTIVES", "Objective", "QEScore", "evaluate", "sigma_hat"]
