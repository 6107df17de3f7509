"""Find the network and the bit-widths that fit a microcontroller, with a proof."""

from qeopt.design import Design, load_design
from qeopt.solve import Solution, solve
from qeopt.spec.errors import QeoptError, SpecError
from qeopt.study import Study, load_study

__all__ = ["Design", "QeoptError", "Solution", "SpecError", "Study", "load_design", "load_study", "solve"]
