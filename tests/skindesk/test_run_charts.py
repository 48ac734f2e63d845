"""What the charts of a run show while it goes on and when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skindesk.models.runs.live import LiveRun
from skindesk.pages.training.run_charts import RunCharts
from tests.skindesk.made_events import MADE_CONFIG, both_stages
from trainer.events import Failed, Finished, Stopped
from trainer.wording import percent

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from skindesk.settings import Settings
    from trainer.events import AnyEvent


@pytest.mark.parametrize("ending", [Finished("bundle", "Done."), Stopped("Stopped."), Failed("Failed.")])
def test_when_a_run_is_over_the_recalls_are_those_of_the_epoch_it_kept(
    qtbot: QtBot, settings: Settings, ending: AnyEvent
) -> None:
    charts, run = RunCharts(settings), LiveRun("a run", MADE_CONFIG)
    qtbot.addWidget(charts)
    charts.show_run(run, {"mel"})
    for event in both_stages(best=2):
        run.hear(event)
    charts.draw_bars()
    assert {name: share for name, share, _ in charts.bars.rows()}["▲ Melanoma"] == percent(0.44)
    assert charts.bars_card.heading.text() == "Recall by class, validation, epoch 7"

    run.hear(ending)
    charts.draw_bars()

    assert {name: share for name, share, _ in charts.bars.rows()}["▲ Melanoma"] == percent(0.42)
    assert charts.bars_card.heading.text() == "Recall by class, validation, best epoch 5"
