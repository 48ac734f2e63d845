"""About the program, and a short guide to its four pages."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QUrl, qVersion
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from skindesk.paths import resource
from skindesk.widgets.basics import muted, title
from skindesk.widgets.icons import program_icon
from skindesk.widgets.theme import SPACE
from trainer import RESEARCH_ONLY, __version__

if TYPE_CHECKING:
    from skindesk.paths import Paths

_PACKAGES = (
    "PySide6_Essentials",
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "pillow",
    "matplotlib",
    "pyqtgraph",
    "scikit-learn",
    "safetensors",
    "msgspec",
    "h5py",
    "jinja2",
)
_ABOUT = QSize(560, 520)
_GUIDE = QSize(720, 640)


def versions() -> list[tuple[str, str, str]]:
    """Return name, version and licence of the program's parts; what cannot be found out is left empty."""
    rows = [("Python", platform.python_version(), "PSF-2.0"), ("Qt", qVersion(), "LGPL-3.0")]
    for name in _PACKAGES:
        try:
            facts = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue
        stated = facts.json
        licence = str(stated.get("license_expression") or stated.get("license") or "").strip()
        rows.append((facts["Name"], facts["Version"], licence.splitlines()[0] if licence else ""))
    return rows


class AboutDialog(QDialog):
    """Version, statement, licence, and the versions and licences of what the program is made of."""

    def __init__(self, paths: Paths, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About SkinDesk"))
        self.resize(_ABOUT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * SPACE, 3 * SPACE, 3 * SPACE, 2 * SPACE)
        layout.setSpacing(3 * SPACE // 2)
        head = QHBoxLayout()
        head.setSpacing(2 * SPACE)
        picture = QLabel()
        picture.setPixmap(program_icon().pixmap(QSize(56, 56)))
        head.addWidget(picture)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(title(f"SkinDesk {__version__}"))
        words.addWidget(
            muted(self.tr("Train, evaluate and use classifiers of skin-lesion images. MIT licence."))
        )
        head.addLayout(words, 1)
        layout.addLayout(head)
        statement = QLabel(RESEARCH_ONLY)
        statement.setWordWrap(True)
        layout.addWidget(statement)
        table = QTextBrowser()
        table.setAccessibleName(self.tr("Versions and licences"))
        rows = "".join(
            f"<tr><td style='padding-right:24px'>{name}</td><td style='padding-right:24px'>{version}</td>"
            f"<td>{licence}</td></tr>"
            for name, version, licence in versions()
        )
        table.setHtml(f"<table cellpadding='3'>{rows}</table>")
        layout.addWidget(table, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton(self.tr("Copy versions"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda _checked=False: QGuiApplication.clipboard().setText(table.toPlainText()))
        logs = buttons.addButton(self.tr("Open log folder"), QDialogButtonBox.ButtonRole.ActionRole)
        logs.clicked.connect(
            lambda _checked=False: QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.logs)))
        )
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)


class GuideDialog(QDialog):
    """The guide that ships with the program."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("How to use SkinDesk"))
        self.resize(_GUIDE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        browser = QTextBrowser()
        browser.setOpenExternalLinks(True)
        browser.setMarkdown(resource("help/guide.md").read_text(encoding="utf-8"))
        browser.document().setDocumentMargin(2 * SPACE)
        browser.setAccessibleName(self.tr("Guide"))
        # Without selecting by keyboard, which would show a cursor: the arrow keys scroll.
        browser.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        layout.addWidget(browser)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
