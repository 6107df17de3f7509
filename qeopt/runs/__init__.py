"""Runs on disk: a folder of its own for each, what was asked for in it, and the journal of every search."""

from qeopt.runs.folders import RunFolderError, beside, design_in, design_or_model_in, open_run, resuming, run_in, runs_below
from qeopt.runs.record import ResumeError, Run, reopen_run, round_row, start_run

__all__ = [
    "ResumeError",
    "Run",
    "RunFolderError",
    "beside",
    "design_in",
    "design_or_model_in",
    "open_run",
    "reopen_run",
    "resuming",
    "round_row",
    "run_in",
    "runs_below",
    "start_run",
]
