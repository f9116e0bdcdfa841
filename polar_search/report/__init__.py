"""A run as something to look at: the report and the explorer, one page each."""

from polar_search.report.explorer import write_explorer
from polar_search.report.page import write_report

__all__ = ["write_explorer", "write_report"]
