"""The training page: settings, a run in view, and the queue of further runs."""

from skindesk.pages.training.page import TrainingPage

__all__ = ["TrainingPage"]
