"""Can this ever work? What loading a file cannot see, found before anything is solved."""

from qeopt.check.findings import Finding, Weight
from qeopt.check.hardware import check_device, check_runtime, check_trades
from qeopt.check.study import check_study

__all__ = ["Finding", "Weight", "check_device", "check_runtime", "check_study", "check_trades"]
