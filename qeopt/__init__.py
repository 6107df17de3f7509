"""Find the network and the bit-widths that fit a microcontroller, with a proof."""

from qeopt.compare import Comparison, compare
from qeopt.design import Design, load_design
from qeopt.solve import Solution, solve
from qeopt.spec.errors import QeoptError, SpecError
from qeopt.study import Study, load_study
from qeopt.verify import Verification, verify

__all__ = [
    "Comparison",
    "Design",
    "QeoptError",
    "Solution",
    "SpecError",
    "Study",
    "Verification",
    "compare",
    "load_design",
    "load_study",
    "solve",
    "verify",
]
