"""Numbers as a person reads them."""

from __future__ import annotations

import pytest

from trainer.metrics.catalogue import BALANCED_ACCURACY, MACRO_ROC_AUC, OF_AN_EPOCH, OVERALL, chooser
from trainer.metrics.classification import Metrics
from trainer.metrics.intervals import Interval
from trainer.wording import chosen_percent, counted, duration, figure, file_size, n_of, percent, plain


def test_shares_and_numbers_have_a_fixed_number_of_decimals() -> None:
    assert percent(0.7584) == "75.8\u00a0%"
    assert percent(1.0, places=0) == "100\u00a0%"
    assert [chosen_percent(share) for share in (0.3, 0.125)] == ["30\u00a0%", "12.5\u00a0%"]
    assert figure(0.96512, share=False) == "0.965"
    assert {percent(None), figure(None), figure(None, share=False)} == {"–"}


def test_a_length_of_time_has_its_largest_fitting_units() -> None:
    seconds = (0.2, 42, 89.7, 240, 5399, 7300, 86_399, 3.5 * 86_400)
    assert [plain(duration(s)) for s in seconds] == [
        *("1 s", "42 s", "90 s", "4 min", "90 min", "2 h 2 min", "24 h 0 min", "3 d 12 h"),
    ]


def test_sizes_are_in_binary_units() -> None:
    sizes = (512, 3 << 10, 620 << 20, 2.4 * (1 << 30))
    assert [plain(file_size(size)) for size in sizes] == ["512 B", "3 KiB", "620 MiB", "2.4 GiB"]


def test_counts_have_their_noun_and_set_thousands_apart() -> None:
    assert [counted(n, "image", "images") for n in (0, 1, 4188)] == ["0 images", "1 image", "4,188 images"]
    assert plain(n_of(4188)) == "n = 4,188"


def test_no_line_ends_between_a_figure_and_its_unit() -> None:
    texts = (percent(0.5), chosen_percent(0.5), duration(42), file_size(512), n_of(4))
    assert all(" " not in text for text in texts)


def test_a_metric_is_written_in_its_own_unit() -> None:
    interval = Interval(0.6842, 0.8119)
    assert BALANCED_ACCURACY.with_interval(0.753, interval) == "75.3\u00a0% (68.4–81.2)"
    assert BALANCED_ACCURACY.interval(interval) == "68.4–81.2\u00a0%"
    assert MACRO_ROC_AUC.with_interval(0.9654, interval) == "0.965 (0.684–0.812)"
    assert MACRO_ROC_AUC.interval(interval) == "0.684–0.812"
    assert BALANCED_ACCURACY.with_interval(0.753, None) == "75.3\u00a0%"
    assert BALANCED_ACCURACY.with_interval(None, None) == "–"


def test_every_metric_over_all_classes_is_one_that_is_computed() -> None:
    assert {metric.key for metric in OVERALL} <= set(Metrics.__struct_fields__)


@pytest.mark.parametrize("key", [*OF_AN_EPOCH, "recall_mel"])
def test_what_chooses_the_best_epoch_has_a_name(key: str) -> None:
    assert chooser(key).title
    assert "macro recall" not in chooser(key).title  # one name everywhere
