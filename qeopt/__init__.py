"""Find the network and the bit-widths that fit a microcontroller, with a proof."""

# ruff: noqa: TC004  # the imports are for type checkers; what they name is imported on use, below

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qeopt.design import Design, load_design
    from qeopt.design.verify import Verification, verify
    from qeopt.export.design_export import export_design
    from qeopt.network.importers import import_model
    from qeopt.report.catalogue import Catalogue, catalogue
    from qeopt.report.page import write_report
    from qeopt.report.resolved import study_yaml
    from qeopt.spec.errors import QeoptError, SpecError
    from qeopt.spec.library import Library
    from qeopt.study import Study
    from qeopt.study.file_kinds import schema
    from qeopt.study.load import load_study
    from qeopt.training.recipe import Recipe
    from qeopt.training.sensitivity.losses import Loss
    from qeopt.training.tuning import Tuned
    from qeopt.training.verbs.evaluate import Evaluation, evaluate
    from qeopt.training.verbs.sensitivity import sensitivity
    from qeopt.training.verbs.train import Training, train
    from qeopt.training.verbs.tune import tune
    from qeopt.verbs.bits import BitsAnswer, bits
    from qeopt.verbs.boards import Boards, sweep_boards
    from qeopt.verbs.check import Check, check_file
    from qeopt.verbs.compare import Comparison, compare
    from qeopt.verbs.compare_runs import SideBySide, compare_runs
    from qeopt.verbs.correlate import Correlations, correlate
    from qeopt.verbs.explain import Explanation, explain
    from qeopt.verbs.fit import Fit, fit_objective
    from qeopt.verbs.frontier import frontier
    from qeopt.verbs.new import Project, new_project
    from qeopt.verbs.runs import Listed, list_runs
    from qeopt.verbs.sample import Sampling, sample
    from qeopt.verbs.score import Scored, score_network
    from qeopt.verbs.solve import Solution, resume, solve
    from qeopt.verbs.sweep import Sweep, sweep
    from qeopt.verbs.where import NamedFile, where

__all__ = [
    "BitsAnswer",
    "Boards",
    "Catalogue",
    "Check",
    "Comparison",
    "Correlations",
    "Design",
    "Evaluation",
    "Explanation",
    "Fit",
    "Library",
    "Listed",
    "Loss",
    "NamedFile",
    "Project",
    "QeoptError",
    "Recipe",
    "Sampling",
    "Scored",
    "SideBySide",
    "Solution",
    "SpecError",
    "Study",
    "Sweep",
    "Training",
    "Tuned",
    "Verification",
    "bits",
    "catalogue",
    "check_file",
    "compare",
    "compare_runs",
    "correlate",
    "evaluate",
    "explain",
    "export_design",
    "fit_objective",
    "frontier",
    "import_model",
    "list_runs",
    "load_design",
    "load_study",
    "new_project",
    "resume",
    "sample",
    "schema",
    "score_network",
    "sensitivity",
    "solve",
    "study_yaml",
    "sweep",
    "sweep_boards",
    "train",
    "tune",
    "verify",
    "where",
    "write_report",
]

_HOMES = {
    "BitsAnswer": "verbs.bits",
    "Boards": "verbs.boards",
    "Catalogue": "report.catalogue",
    "Check": "verbs.check",
    "Comparison": "verbs.compare",
    "Correlations": "verbs.correlate",
    "Design": "design",
    "Evaluation": "training.verbs.evaluate",
    "Explanation": "verbs.explain",
    "Fit": "verbs.fit",
    "Library": "spec.library",
    "Listed": "verbs.runs",
    "Loss": "training.sensitivity.losses",
    "NamedFile": "verbs.where",
    "Project": "verbs.new",
    "QeoptError": "spec.errors",
    "Recipe": "training.recipe",
    "Sampling": "verbs.sample",
    "Scored": "verbs.score",
    "SideBySide": "verbs.compare_runs",
    "Solution": "verbs.solve",
    "SpecError": "spec.errors",
    "Study": "study",
    "Sweep": "verbs.sweep",
    "Training": "training.verbs.train",
    "Tuned": "training.tuning",
    "Verification": "design.verify",
    "bits": "verbs.bits",
    "catalogue": "report.catalogue",
    "check_file": "verbs.check",
    "compare": "verbs.compare",
    "compare_runs": "verbs.compare_runs",
    "correlate": "verbs.correlate",
    "evaluate": "training.verbs.evaluate",
    "explain": "verbs.explain",
    "export_design": "export.design_export",
    "fit_objective": "verbs.fit",
    "frontier": "verbs.frontier",
    "import_model": "network.importers",
    "list_runs": "verbs.runs",
    "load_design": "design",
    "load_study": "study.load",
    "new_project": "verbs.new",
    "resume": "verbs.solve",
    "sample": "verbs.sample",
    "schema": "study.file_kinds",
    "score_network": "verbs.score",
    "sensitivity": "training.verbs.sensitivity",
    "solve": "verbs.solve",
    "study_yaml": "report.resolved",
    "sweep": "verbs.sweep",
    "sweep_boards": "verbs.boards",
    "train": "training.verbs.train",
    "tune": "training.verbs.tune",
    "verify": "design.verify",
    "where": "verbs.where",
    "write_report": "report.page",
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
