"""Find the network and the bit-widths that fit a microcontroller, with a proof."""

# ruff: noqa: TC004  # the imports are for type checkers; what they name is imported on use, below

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "Comparison": "compare",
    "Design": "design",
    "Explanation": "explain",
    "QeoptError": "spec.errors",
    "Solution": "solve",
    "SpecError": "spec.errors",
    "Study": "study",
    "Sweep": "sweep",
    "Verification": "verify",
    "compare": "compare",
    "explain": "explain",
    "load_design": "design",
    "load_study": "reading",
    "solve": "solve",
    "sweep": "sweep",
    "verify": "verify",
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
        # importing the module `qeopt.solve` must not put it in the place of the function of that name
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_HOMES})


sys.modules[__name__].__class__ = _Package
