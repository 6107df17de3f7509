"""`qeopt engines`: engines that assign bits."""

from __future__ import annotations

from qeopt.cli import catalogue, options
from qeopt.report.catalogue import engines
from qeopt.report.listing import print_engines


def command(part: options.Part = "", json_: options.Json = False, debug: options.Debug = False) -> None:
    """List the engines that assign bits, and which of them prove their answers; exit with 1 if none matches."""
    catalogue.tell(engines(part), print_engines, as_json=json_)
