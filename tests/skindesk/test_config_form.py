"""The form of a run's settings: made from the configuration, checked in place."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit

from skindesk.models.runs.config_words import (
    CONTEXT,
    parse_number,
    show_number,
    shown_fields,
    source_for_lupdate,
)
from skindesk.widgets.form.config_form import ConfigForm
from skindesk.widgets.form.editors import ChoiceEditor, NumberEditor, SliderEditor
from trainer.backbones import OFFERED
from trainer.config import (
    Augmentation,
    EarlyStopping,
    FineTuneStage,
    Geometry,
    HeadSettings,
    HeadStage,
    Imbalance,
    RunConfig,
    Schedule,
    check_config,
)
from trainer.config.fields import fields, value_at, with_value
from trainer.presets import preset_config

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from skindesk.settings import Settings

pytestmark = pytest.mark.usefixtures("settings")

CLASSES = ("akiec", "bkl", "mel", "nv")

UNUSUAL = RunConfig(
    backbone="densenet121",
    input_size=160,
    weights="random",
    stages=("fine-tune",),
    seed=17,
    geometry=Geometry("pad", "lanczos"),
    head=HeadSettings(batch_normalization=False, dense=(512, 64), dropout=0.45),
    augmentation=Augmentation(flip_vertical=False, rotation=37.5, shift=0.03, zoom=0.0, colour=0.333),
    imbalance=Imbalance("focal", focal_gamma=1.7),
    head_stage=HeadStage(7, 96, 3.3e-4, 0.0, 0, Schedule("plateau", 0.1, 0.02, 0.25, 3)),
    fine_tune_stage=FineTuneStage(
        11, 12, 4, 7e-5, 1e-5, "conv3", 0.0, 0.9995, Schedule("constant", 0.0, 0.5, 0.9, 1)
    ),
    early_stopping=EarlyStopping("recall_mel", 0, 0.002),
    calibration_share=0.0,
    test_views=8,
    precision="float32",
    device="cpu",
    deterministic=True,
    checkpoint_minutes=0.5,
    keep_checkpoints=True,
    cache_mib=0,
)
"""Nothing in it is the default."""


@pytest.fixture
def form(qtbot: QtBot, settings: Settings) -> ConfigForm:
    """A form for a dataset of four classes."""
    form = ConfigForm(settings)
    qtbot.addWidget(form)
    form.set_classes(CLASSES, ("akiec", "mel"))
    return form


def line(form: ConfigForm, path: str) -> QLineEdit:
    editor = form.editor(path)
    assert isinstance(editor, NumberEditor)
    return editor.line


def retype(qtbot: QtBot, field: QLineEdit, text: str) -> None:
    field.selectAll()
    qtbot.keyClicks(field, text)


def test_every_setting_has_a_field_and_an_explanation(form: ConfigForm) -> None:
    assert {field.path for field in shown_fields()} | {"version", "backbone"} == set(fields())
    for field in shown_fields():
        target = form.editor(field.path).focusProxy()
        assert target is not None, field.path
        assert len(target.toolTip()) > 20, field.path
        assert target.accessibleName(), field.path


def test_every_declared_text_can_be_translated() -> None:
    """`lupdate` reads them as calls; what the form shows is among them."""
    tree = ast.parse(source_for_lupdate())
    calls = [list(map(ast.literal_eval, node.args)) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert {context for context, _text in calls} == {CONTEXT}
    texts = {text for _context, text in calls}
    assert {"Epochs", "epochs", "MiB", "Focal loss", "Learning-rate schedule"} <= texts
    assert {field.about.help for field in shown_fields()} <= texts


def test_nothing_in_the_unusual_settings_is_the_default() -> None:
    for path in fields():
        if path not in ("version", "imbalance.adjustment_tau", "augmentation.flip_horizontal"):
            if path.startswith("augmentation.") and path.endswith(("brightness", "contrast")):
                continue
            assert value_at(UNUSUAL, path) != value_at(RunConfig(), path), path


def test_settings_come_back_as_they_were_shown(form: ConfigForm) -> None:
    for config in (UNUSUAL, RunConfig(), *(preset_config("thorough", entry.name) for entry in OFFERED)):
        form.set_config(config)
        assert form.config == config
        read = config
        for field in shown_fields():
            read = with_value(read, field.path, form.editor(field.path).read())
        assert read == config
        assert form.problems == {}
        assert check_config(read) == config


def test_the_internal_backbone_is_not_on_offer() -> None:
    assert "tiny" not in {entry.name for entry in OFFERED}


def test_a_typed_number_changes_the_settings(qtbot: QtBot, form: ConfigForm) -> None:
    with qtbot.waitSignal(form.changed):
        retype(qtbot, line(form, "fine_tune_stage.learning_rate"), "3e-5")
    assert form.config.fine_tune_stage.learning_rate == 3e-5
    retype(qtbot, line(form, "head.dropout"), "12,5")
    assert form.config.head.dropout == 0.125


@pytest.mark.parametrize(
    ("path", "typed", "sentence"),
    [
        ("fine_tune_stage.batch_size", "0", "Enter a whole number, 1 or more."),
        ("fine_tune_stage.batch_size", "many", "Enter a whole number, 1 or more."),
        ("head_stage.learning_rate", "0", "Enter a number above 0."),
        ("head.dropout", "96", "Enter a number from 0 to 95 %."),
        ("fine_tune_stage.average", "1", "Enter a number from 0 to below 1."),
        ("input_size", "20", "Enter a whole number from 32 to 1,024 px."),
        ("input_size", "64", "Xception needs at least 71 px."),
        ("seed", "1e99", "Enter a whole number from 0 to 2,147,483,647."),
    ],
)
def test_a_bad_value_is_said_below_its_field(
    qtbot: QtBot, form: ConfigForm, path: str, typed: str, sentence: str
) -> None:
    before = value_at(form.config, path)
    retype(qtbot, line(form, path), typed)
    assert form.problems == {path: sentence}
    rows = [row for section in form._sections for row in section.rows]
    row = next(row for row in rows if path in {field.path for field, _ in row.fields})
    assert row.error.text() == sentence
    assert not row.error.isHidden()
    assert line(form, path).property("invalid") or path == "input_size"
    good = before if isinstance(before, int | float) else 224
    retype(qtbot, line(form, path), show_number(good, 100 if path == "head.dropout" else 1))
    assert form.problems == {}
    assert row.error.isHidden()


def test_an_empty_input_size_is_the_backbones_own(qtbot: QtBot, form: ConfigForm) -> None:
    field = line(form, "input_size")
    retype(qtbot, field, "128")
    assert form.config.input_size == 128
    field.selectAll()
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    assert form.config.input_size is None
    assert form.problems == {}


def test_arrow_keys_move_numbers_within_their_range(qtbot: QtBot, form: ConfigForm) -> None:
    batch = line(form, "fine_tune_stage.batch_size")
    qtbot.keyClick(batch, Qt.Key.Key_Up)
    assert form.config.fine_tune_stage.batch_size == 64
    for _ in range(9):
        qtbot.keyClick(batch, Qt.Key.Key_Down)
    assert form.config.fine_tune_stage.batch_size == 1
    epochs = line(form, "head_stage.epochs")
    qtbot.keyClick(epochs, Qt.Key.Key_Up)
    assert form.config.head_stage.epochs == 31


def test_layers_are_typed_with_commas(qtbot: QtBot, form: ConfigForm) -> None:
    field = form.editor("head.dense").focusProxy()
    assert isinstance(field, QLineEdit)
    retype(qtbot, field, "512, 64")
    assert form.config.head.dense == (512, 64)
    retype(qtbot, field, "512, 9000")
    assert list(form.problems) == ["head.dense"]
    field.selectAll()
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    assert form.config.head.dense == ()


def test_a_slider_keeps_a_value_it_cannot_show_until_it_is_moved(qtbot: QtBot, form: ConfigForm) -> None:
    form.set_config(msgspec.structs.replace(RunConfig(), augmentation=Augmentation(shift=0.0825)))
    editor = form.editor("augmentation.shift")
    assert isinstance(editor, SliderEditor)
    assert editor.read() == 0.0825
    qtbot.keyClick(editor.slider, Qt.Key.Key_Right)
    assert form.config.augmentation.shift == 0.09


def test_melanoma_leads_the_figures_that_choose_the_best_epoch(form: ConfigForm) -> None:
    editor = form.editor("early_stopping.metric")
    assert isinstance(editor, ChoiceEditor)
    words = [editor.box.itemText(place) for place in range(editor.box.count())]
    assert words[:5] == [
        "Balanced accuracy",
        "Accuracy",
        "Loss",
        "Recall of ▲ Melanoma",
        "Recall of ▲ Actinic keratosis or intraepithelial carcinoma",
    ]
    choose(editor.box, 3)
    assert form.config.early_stopping.metric == "recall_mel"
    form.set_classes(("bkl", "nv"), ())
    assert "early_stopping.metric" in form.problems


def choose(box: QComboBox, place: int) -> None:
    box.setCurrentIndex(place)
    box.activated.emit(place)


def test_another_backbone_brings_its_own_blocks(form: ConfigForm) -> None:
    editor = form.editor("fine_tune_stage.from_block")
    assert isinstance(editor, ChoiceEditor)
    place = editor.box.findText("block5")
    choose(editor.box, place)
    assert form.config.fine_tune_stage.from_block == "block5"
    form.set_backbone("densenet121")
    assert form.config.fine_tune_stage.from_block == "all"
    assert editor.box.findText("conv4") > 0
    assert editor.box.findText("block5") < 0


def test_only_fields_with_an_effect_are_shown(qtbot: QtBot, form: ConfigForm) -> None:
    form.unfold("schedule")
    form.setFixedSize(400, 1600)
    form.show()
    qtbot.waitExposed(form)
    assert form.editor("imbalance.adjustment_tau").isVisible()
    assert not form.editor("imbalance.focal_gamma").isVisible()
    method = form.editor("imbalance.method")
    assert isinstance(method, ChoiceEditor)
    choose(method.box, method.box.findText("Focal loss"))
    assert form.editor("imbalance.focal_gamma").isVisible()
    assert not form.editor("imbalance.adjustment_tau").isVisible()
    assert not form.editor("head_stage.schedule.plateau_factor").isVisible()
    stages = form.editor("stages")
    assert isinstance(stages, ChoiceEditor)
    choose(stages.box, stages.box.findText("Head only"))
    assert form.editor("head_stage.epochs").isEnabled()
    assert not form.editor("fine_tune_stage.epochs").isEnabled()


def test_the_focus_brings_the_explanation(qtbot: QtBot, form: ConfigForm) -> None:
    form.setFixedSize(400, 900)
    form.show()
    qtbot.waitExposed(form)
    with qtbot.waitSignal(form.helped) as said:
        line(form, "seed").setFocus()
    assert said.args is not None
    assert said.args[0].startswith("Seed: ")


def test_a_weights_file_must_be_there(form: ConfigForm, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("weights") / "own.h5"
    form.set_config(msgspec.structs.replace(RunConfig(), weights=str(file)))
    assert list(form.problems) == ["weights"]
    file.write_bytes(b"")
    form.set_config(form.config)
    assert form.problems == {}
    assert form.editor("weights").read() == str(file)


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "1.5", "--1"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    assert parse_number(text, fields()["seed"]) is None


@pytest.mark.parametrize(("text", "number"), [("1 024", 1024), ("1,000", 1000), (" 7 ", 7)])
def test_whole_numbers_may_have_their_thousands_set_apart(text: str, number: int) -> None:
    assert parse_number(text, fields()["cache_mib"]) == number
