"""The split of the dataset: what it is, whether it is sound, and a small form that makes it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from skindesk.pages.dataset.words import part_name
from skindesk.widgets.basics import muted, primary_button
from skindesk.widgets.icons import icon
from skindesk.widgets.quantities import images_counted
from skindesk.widgets.theme import SPACE
from skindesk.widgets.wheel import wheel_needs_focus
from trainer.wording import percent

if TYPE_CHECKING:
    from trainer.dataset.groups.certificate import SplitCertificate

_DEFAULT = (70, 15, 15)
_LARGEST_SEED = 2**31 - 1
_ICON = 16
_NARROWEST = 80  # pixels; the largest seed is cut rather than the whole side widened


class CertificateLine(QWidget):
    """Says in one line whether any group lies in two parts; the whole certificate is its tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACE, 0, SPACE, 0)
        layout.setSpacing(SPACE // 2)
        self._sign = QLabel()
        self._text = muted(wrap=True)
        layout.addWidget(self._sign)
        layout.addWidget(self._text, 1)
        self._sign_name = "info"

    @property
    def text(self) -> str:
        """The sentence."""
        return self._text.text()

    def show_certificate(self, certificate: SplitCertificate | None) -> None:
        """Show a certificate, or that there is no split yet."""
        if certificate is None:
            self._say("info", self.tr("Not split yet; training needs a split."), "")
            return
        groups = sum(certificate.groups.values())
        sentence = self.tr("{n} of {groups} groups in two parts").format(
            n=f"{certificate.groups_in_two_parts:,}", groups=f"{groups:,}"
        )
        if certificate.without_part:
            sentence += ". " + self.tr("{images} added since, in no part").format(
                images=images_counted(certificate.without_part)
            )
        sound = certificate.sound and not certificate.without_part
        self._say("check" if sound else "warning", sentence, certificate.describe())

    def changeEvent(self, event: object) -> None:
        """Draw the sign anew when the scheme has changed."""
        super().changeEvent(event)  # type: ignore[arg-type]
        if hasattr(self, "_sign_name"):
            self._sign.setPixmap(icon(self._sign_name).pixmap(_ICON, _ICON))

    def _say(self, sign: str, sentence: str, certificate: str) -> None:
        self._sign_name = sign
        self._sign.setPixmap(icon(sign).pixmap(_ICON, _ICON))
        self._text.setText(sentence)
        self.setToolTip(f"<pre>{certificate}</pre>" if certificate else sentence)
        self.setAccessibleName(sentence)


class SplitForm(QWidget):
    """Asks for shares and seed.

    Signals:
        asked(int, tuple[float, float, float]): split with this seed and these shares of train, validation
            and test, which sum to 1.
    """

    asked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(SPACE, 0, SPACE, 0)
        outer.setSpacing(SPACE)
        form = QFormLayout()
        form.setHorizontalSpacing(SPACE)
        form.setVerticalSpacing(SPACE)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.train, self.validation = self._share(_DEFAULT[0], 99), self._share(_DEFAULT[1], 99)
        self.test = QLabel()
        self.seed = _spin_box()
        self.seed.setRange(0, _LARGEST_SEED)
        self.seed.setToolTip(
            self.tr("The same seed gives the same split of the same images, on every machine.")
        )
        for name, field in (
            (part_name("train"), self.train),
            (part_name("validation"), self.validation),
            (part_name("test"), self.test),
            (self.tr("Seed"), self.seed),
        ):
            form.addRow(name, field)
            field.setAccessibleName(name)
        outer.addLayout(form)
        outer.addWidget(
            muted(
                self.tr(
                    "Groups stay whole: images of one lesion or patient are never in two parts. "
                    "Networks trained before have seen some of the new test images."
                ),
                wrap=True,
            )
        )
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self.split_button = primary_button(self.tr("Split"), self._ask)
        cancel = QPushButton(self.tr("Cancel"))
        cancel.clicked.connect(self.hide)
        row.addWidget(self.split_button)
        row.addWidget(cancel)
        row.addStretch(1)
        outer.addLayout(row)
        for box in (self.train, self.validation):
            box.valueChanged.connect(self._follow)
        self._follow()

    @property
    def fractions(self) -> tuple[float, float, float]:
        """The shares of train, validation and test."""
        train, validation = self.train.value(), self.validation.value()
        return train / 100, validation / 100, (100 - train - validation) / 100

    def show_certificate(self, certificate: SplitCertificate | None) -> None:
        """Begin with how the present split was made."""
        if certificate is not None:
            train, validation, _test = certificate.fractions
            self.validation.setValue(1)  # makes room for any share of train
            self.train.setValue(round(100 * train))
            self.validation.setValue(round(100 * validation))
            self.seed.setValue(certificate.seed)

    def _share(self, value: int, largest: int) -> QSpinBox:
        box = _spin_box()
        box.setRange(1, largest)
        box.setValue(value)
        box.setSuffix(" %")
        return box

    def _follow(self) -> None:
        """What is left is for test, which may be nothing."""
        self.validation.setMaximum(100 - self.train.value())
        self.train.setMaximum(100 - self.validation.value())
        left = 100 - self.train.value() - self.validation.value()
        self.test.setText(percent(left / 100, places=0) if left else self.tr("none"))

    def _ask(self) -> None:
        self.hide()
        self.asked.emit(self.seed.value(), self.fractions)


def _spin_box() -> QSpinBox:
    box = wheel_needs_focus(QSpinBox())
    box.setMinimumWidth(_NARROWEST)
    box.lineEdit().setTextMargins(SPACE, 0, 0, 0)  # a style sheet has no say in it
    return box
