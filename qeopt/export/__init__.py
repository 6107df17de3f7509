"""Finished designs in the formats that trainers, compilers and firmware read."""

from qeopt.export.errors import ExportError
from qeopt.export.exporter import EXPORTERS, Exporter, configure, export, write

__all__ = ["EXPORTERS", "ExportError", "Exporter", "configure", "export", "write"]
