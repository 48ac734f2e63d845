"""Damaged files of runs: what is damaged is said, everything else is still read."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from trainer.config import config_from_json, config_from_toml
from trainer.errors import ConfigError, TrainerError
from trainer.events import Said, encode_event
from trainer.protocol.lines import decode_reply, decode_request
from trainer.runs.folder import RunFolder
from trainer.runs.reading import read_run, run_folders
from trainer.runs.reports import read_predictions
from trainer.runs.summary import RunStatus
from trainer.stored import UnreadableError, decoded, read_json, read_stored

if TYPE_CHECKING:
    from collections.abc import Callable

DEEP = 200_000
NESTED = b'{"x": ' * DEEP + b"1" + b"}" * DEEP


def not_utf8(file: Path) -> None:
    """Change one byte within the last text of a file."""
    content = bytearray(file.read_bytes())
    content[content.rindex(b'"') - 1] = 0xFF
    file.write_bytes(content)


def nested(file: Path) -> None:
    file.write_bytes(NESTED)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-2])


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def without_end(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


DAMAGES = [not_utf8, nested, cut_off, a_pipe, without_end]


@pytest.fixture
def runs(old_formats: Path) -> Path:
    """Two finished runs, alike but for their names."""
    folder = old_formats / "runs"
    shutil.copytree(folder / "finished", folder / "other")
    return folder


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name",
    [
        "finished/dataset.json",
        "finished/history.json",
        "finished/report-test/metrics.json",
        "finished/bundle/manifest.json",
        "finished/config.toml",
        "stopped/split.json",
    ],
)
def test_one_damaged_file_hides_no_run(runs: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(runs / name)

    found = {folder.name: read_run(folder) for folder in run_folders([runs])}

    assert set(found) == {"finished", "other", "stopped"}
    troubled = name.partition("/")[0]
    assert Path(name).name in found[troubled].problem
    assert [run.problem for folder, run in found.items() if folder != troubled] == ["", ""]
    assert {folder: run.state for folder, run in found.items()} == {
        "finished": RunStatus.DONE,
        "other": RunStatus.DONE,
        "stopped": RunStatus.STOPPED,
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")
@pytest.mark.parametrize("damage", [a_pipe, without_end])
@pytest.mark.parametrize("name", ["events.jsonl", "name.txt", ".lock", "report-test/predictions.csv"])
def test_a_file_that_is_no_file_keeps_nobody_waiting(
    runs: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(runs / "finished" / name)
    run = read_run(runs / "finished")
    assert run.has_bundle
    list(RunFolder(run.folder).kept_events())
    if name.endswith(".csv"):
        with pytest.raises(TrainerError, match="not a regular file"):
            read_predictions(runs / "finished" / "report-test")


@pytest.mark.parametrize(
    "content",
    [b'{"a": "\xff"}', NESTED, b"[" * DEEP, b"1" * 5000, b"", b'{"a": 1e999}', b"[" * 99 + b"]" * 99],
)
@pytest.mark.parametrize("decode", [json.loads, msgspec.json.decode])
def test_whatever_is_wrong_is_one_error(content: bytes, decode: Callable[[bytes], object]) -> None:
    if decode is json.loads and b"1e999" in content:
        return  # infinite to Python's own reader; types that refuse it are the caller's
    with pytest.raises(UnreadableError) as caught:
        decoded(content, decode)
    assert 0 < len(str(caught.value)) <= 200


def test_brackets_within_texts_are_no_nesting() -> None:
    value = {"a": ["[" * 500, '{"' * 500, "\\" * 501], "b": [[1], [2], {}]}
    assert decoded(json.dumps(value).encode(), json.loads) == value


def test_a_file_may_be_only_so_large(tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(
        TrainerError, match=r"history\.json cannot be read \(it is larger than .*\): look again\.$"
    ):
        read_stored(file, json.loads, "look again")
    with pytest.raises(UnreadableError):
        read_json(file, json.loads, 10)


def test_the_words_of_an_error_stay_short_and_printable() -> None:
    class Known(msgspec.Struct, forbid_unknown_fields=True):
        pass

    with pytest.raises(UnreadableError) as caught:
        decoded(json.dumps({"\n\x1b[31m" + "x" * 9000: 1}).encode(), msgspec.json.Decoder(Known).decode)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 200


@pytest.mark.parametrize("content", [b'{"event": "Said", "message": "\xff"}', NESTED])
def test_events_and_lines_are_read_alike(tmp_path: Path, content: bytes) -> None:
    folder = RunFolder(tmp_path)
    folder.events_file.write_bytes(content + b"\n" + encode_event(Said(message="Sound.")))
    assert [event for _, event in folder.kept_events()] == [Said(message="Sound.")]
    for decode in (decode_request, decode_reply, config_from_json):
        with pytest.raises(ConfigError):
            decode(content)


@pytest.mark.parametrize(
    "content", [b'backbone = "\xff"', b"seed = " + b"[" * DEEP, b"seed = " + b"1" * 5000]
)
def test_settings_of_a_run_that_are_no_text(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="is not TOML"):
        config_from_toml(file)
