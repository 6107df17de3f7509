"""A study: one problem, read from one YAML file."""

from qeopt.study.model import Study

__all__ = ["Study"]
