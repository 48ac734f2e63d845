"""The fixtures of the window's tests serve here too."""

from tests.skindesk.conftest import *  # noqa: F403 - fixtures are found by their names in this module
