"""The page that says what a lesion may be."""

from skindesk.pages.diagnosis.page import DiagnosisPage

__all__ = ["DiagnosisPage"]
