"""Can this ever work? What loading a file cannot see, found before anything is solved."""

from qeopt.check.change import Change
from qeopt.check.findings import Finding, Weight
from qeopt.check.hardware import check_device, check_runtime, check_trades
from qeopt.check.space import changes_of_space, why_none_fits
from qeopt.check.study import check_study

__all__ = [
    "Change",
    "Finding",
    "Weight",
    "changes_of_space",
    "check_device",
    "check_runtime",
    "check_study",
    "check_trades",
    "why_none_fits",
]
