"""The page of settings, made from their declaration."""

from skindesk.pages.settings.page import SettingsPage

__all__ = ["SettingsPage"]
