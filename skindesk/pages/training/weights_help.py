"""What to do where ImageNet weights are not on this machine and cannot be fetched: said once, with two ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from skindesk.widgets.theme import SPACE, set_role
from trainer.wording import file_size

if TYPE_CHECKING:
    from trainer.backbones import Backbone


class WeightsHelp(QFrame):
    """A sentence, a button that chooses a file, and one that copies the address to fetch it from elsewhere.

    Signals:
        file_asked: a weights file is to be chosen.
        copied: the address is on the clipboard.
    """

    file_asked = Signal()
    copied = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "notice")
        self._address = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        layout.setSpacing(SPACE)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        layout.addWidget(self.text)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self.choose_button = QPushButton(self.tr("Choose file…"))
        self.choose_button.clicked.connect(self.file_asked)
        self.copy_button = QPushButton(self.tr("Copy address"))
        self.copy_button.clicked.connect(self._copy)
        row.addWidget(self.choose_button)
        row.addWidget(self.copy_button)
        row.addStretch(1)
        layout.addLayout(row)
        self.hide()

    def say(self, backbone: Backbone | None, size: int = 0) -> None:
        """Say that a backbone's weights cannot be had; `None` where all is well.

        Args:
            backbone: whose weights are missing.
            size: of the file, bytes, about; 0 where that is not known.
        """
        self.setVisible(backbone is not None)
        if backbone is None:
            return
        self._address = backbone.keras_url
        self.copy_button.setToolTip(backbone.keras_url)
        title = f"{backbone.title} ({file_size(size)})" if size else backbone.title
        self.text.setText(
            self.tr(
                "The ImageNet weights of {backbone} are not on this machine and cannot be downloaded. "
                "Download the file elsewhere and choose it here, or start from random weights."
            ).format(backbone=title)
        )

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._address)
        self.copied.emit()
