"""The page that answers: what have I got?"""

from skindesk.pages.dataset.page import DatasetPage

__all__ = ["DatasetPage"]
