"""How good is it: the runs, their figures, and what can be done with them."""

from skindesk.pages.results.page import ResultsPage

__all__ = ["ResultsPage"]
