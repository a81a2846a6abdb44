"""One self-contained HTML file."""

from tilth.report.write import write_report

__all__ = ["write_report"]
