"""Find the network and the bit-widths that fit a microcontroller, with a proof."""

# ruff: noqa: TC004  # the imports are for type checkers; what they name is imported on use, below

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qeopt.design import Design, load_design
    from qeopt.design.verify import Verification, verify
    from qeopt.network.importers import import_model
    from qeopt.spec.errors import QeoptError, SpecError
    from qeopt.study import Study
    from qeopt.study.load import load_study
    from qeopt.verbs.bits import BitsAnswer, bits
    from qeopt.verbs.boards import Boards, sweep_boards
    from qeopt.verbs.compare import Comparison, compare
    from qeopt.verbs.correlate import Correlations, correlate
    from qeopt.verbs.explain import Explanation, explain
    from qeopt.verbs.fit import Fit, fit_objective
    from qeopt.verbs.frontier import frontier
    from qeopt.verbs.new import new_project
    from qeopt.verbs.runs import list_runs
    from qeopt.verbs.sample import Sampling, sample
    from qeopt.verbs.solve import Solution, resume, solve
    from qeopt.verbs.sweep import Sweep, sweep

__all__ = [
    "BitsAnswer",
    "Boards",
    "Comparison",
    "Correlations",
    "Design",
    "Explanation",
    "Fit",
    "QeoptError",
    "Sampling",
    "Solution",
    "SpecError",
    "Study",
    "Sweep",
    "Verification",
    "bits",
    "compare",
    "correlate",
    "explain",
    "fit_objective",
    "frontier",
    "import_model",
    "list_runs",
    "load_design",
    "load_study",
    "new_project",
    "resume",
    "sample",
    "solve",
    "sweep",
    "sweep_boards",
    "verify",
]

_HOMES = {
    "BitsAnswer": "verbs.bits",
    "Boards": "verbs.boards",
    "Comparison": "verbs.compare",
    "Correlations": "verbs.correlate",
    "Design": "design",
    "Explanation": "verbs.explain",
    "Fit": "verbs.fit",
    "QeoptError": "spec.errors",
    "Sampling": "verbs.sample",
    "Solution": "verbs.solve",
    "SpecError": "spec.errors",
    "Study": "study",
    "Sweep": "verbs.sweep",
    "Verification": "design.verify",
    "bits": "verbs.bits",
    "compare": "verbs.compare",
    "correlate": "verbs.correlate",
    "explain": "verbs.explain",
    "fit_objective": "verbs.fit",
    "frontier": "verbs.frontier",
    "import_model": "network.importers",
    "list_runs": "verbs.runs",
    "load_design": "design",
    "load_study": "study.load",
    "new_project": "verbs.new",
    "resume": "verbs.solve",
    "sample": "verbs.sample",
    "solve": "verbs.solve",
    "sweep": "verbs.sweep",
    "sweep_boards": "verbs.boards",
    "verify": "design.verify",
}
"""Where each name lives. It is imported on use: the command line answers Ctrl-C from its first moment, and workers load less."""


class _Package(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{self.__name__}.{_HOMES[name]}"), name)
        super().__setattr__(name, value)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # importing the module `qeopt.verbs.solve` must not put it in the place of the function of that name
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_HOMES})


sys.modules[__name__].__class__ = _Package
