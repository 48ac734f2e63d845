"""The page on which the images of a folder are analysed."""

from skindesk.pages.batch.page import BatchPage

__all__ = ["BatchPage"]
