"""Exchange with others: labels of other tools in and out, runs as data sets of the Hub."""

from polar_search.exchange.exporting import export_labels
from polar_search.exchange.hub import load_run, push_to_hub
from polar_search.exchange.importing import import_labels
from polar_search.exchange.verifying import verify_labels

__all__ = ["export_labels", "import_labels", "load_run", "push_to_hub", "verify_labels"]
