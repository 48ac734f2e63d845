"""The page of saved diagnoses."""

from skindesk.pages.cases.page import CasesPage

__all__ = ["CasesPage"]
