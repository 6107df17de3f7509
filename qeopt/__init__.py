"""Find the network and the bit-widths that fit a microcontroller, with a proof."""

from qeopt.compare import Comparison, compare
from qeopt.design import Design, load_design
from qeopt.explain import Explanation, explain
from qeopt.reading import load_study
from qeopt.solve import Solution, solve
from qeopt.spec.errors import QeoptError, SpecError
from qeopt.study import Study
from qeopt.sweep import Sweep, sweep
from qeopt.verify import Verification, verify

__all__ = [
    "Comparison",
    "Design",
    "Explanation",
    "QeoptError",
    "Solution",
    "SpecError",
    "Study",
    "Sweep",
    "Verification",
    "compare",
    "explain",
    "load_design",
    "load_study",
    "solve",
    "sweep",
    "verify",
]
