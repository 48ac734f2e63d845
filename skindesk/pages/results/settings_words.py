"""The settings of a run in words, as the form of the training page names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from skindesk.metric_words import chooser_name
from skindesk.models.runs.config_words import fields_of, show_number, shown_fields, translated, with_unit
from skindesk.widgets.fact_table import Fact
from trainer.backbones import get_backbone
from trainer.config.declaring import GROUP_TITLES
from trainer.config.fields import value_at
from trainer.metrics.catalogue import heading
from trainer.wording import NOTHING

if TYPE_CHECKING:
    from trainer.config import RunConfig
    from trainer.config.fields import Field, Value


def _tr(text: str) -> str:
    return QCoreApplication.translate("SettingsWords", text)


def settings_rows(config: RunConfig | None) -> dict[str, str]:
    """Return every setting that has an effect, title to value, in the order of the form."""
    if config is None:
        return {}
    rows = {_tr("Backbone"): get_backbone(config.backbone).title}
    rows |= {_title(field): _words(field, config) for field in shown_fields() if _counts(field, config)}
    return rows


def settings_sections(config: RunConfig) -> list[tuple[str, list[Fact]]]:
    """Return every setting that has an effect, by the sections of the form."""
    sections = []
    for group, title in GROUP_TITLES.items():
        rows = [
            Fact(_title(field), (_words(field, config),), hint=translated(field.about.help))
            for field in fields_of(group)
            if _counts(field, config)
        ]
        if group == "basic":
            rows.insert(0, Fact(_tr("Backbone"), (get_backbone(config.backbone).title,)))
        if rows:
            sections.append((translated(title), rows))
    return sections


def _counts(field: Field, config: RunConfig) -> bool:
    """Whether a setting has an effect: its stage is trained, and what it goes with is chosen."""
    return (field.stage is None or field.stage in config.stages) and field.has_effect(config)


def _title(field: Field) -> str:
    title = translated(field.about.title)
    stage = {"head": _tr("head"), "fine-tune": _tr("fine-tune")}.get(field.stage or "", "")
    return f"{title} ({stage})" if stage else title


def _words(field: Field, config: RunConfig) -> str:
    value = value_at(config, field.path)
    if field.path == "stages":
        names = {"head": _tr("Head"), "fine-tune": _tr("fine-tune")}
        return " + ".join(names.get(stage, stage) for stage in config.stages)
    if field.path == "input_size" and value is None:
        value = get_backbone(config.backbone).default_size
    if field.path == "weights":
        named = {"imagenet": _tr("ImageNet"), "random": _tr("Random")}
        return named.get(config.weights, config.weights)
    if field.path == "early_stopping.metric":
        return heading(chooser_name(config.early_stopping.metric))
    chosen = dict(field.about.choices).get(str(value))
    return translated(chosen) if chosen is not None else _plain(field, value)


def _plain(field: Field, value: Value) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return _tr("Yes") if value else _tr("No")
    if isinstance(value, tuple):
        return ", ".join(str(entry) for entry in value) or _tr("None")
    if isinstance(value, str):
        return value
    return with_unit(show_number(value, field.about.scale), translated(field.about.unit))
