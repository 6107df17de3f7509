"""The page of a run: one HTML file with everything in it, to look at, print and send."""

from qeopt.report.page.folder import write_page, write_report

__all__ = ["write_page", "write_report"]
