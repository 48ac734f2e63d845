"""Names that nobody expects, in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainer.shell import Shell
from trainer.commands.terminal import describe
from trainer.errors import TrainerError
from trainer.events import Warned
from trainer.images.decoding import read_image
from trainer.sentences import LONGEST, shortened, visible

ESCAPE = "\x1b[2Jlesion\r\x9b1m\u202egpj.png"


def test_control_characters_are_escaped_and_letters_stay() -> None:
    assert visible(ESCAPE) == "\\u001b[2Jlesion\\u000d\\u009b1m\\u202egpj.png"
    assert visible("Läsion, 12\u00a0% – ▲ 痣") == "Läsion, 12\u00a0% – ▲ 痣"
    assert visible("a\n\tb") == "a\\u000a\\u0009b"
    assert visible("a\n\tb", lines=True) == "a\n\tb"


@pytest.mark.parametrize(
    "sentence",
    [
        "There is no file /a/" + "x" * 900 + ".png; check the name.",
        "There are " + "too many words " * 60 + "here.",
    ],
)
def test_a_long_sentence_loses_its_middle(sentence: str) -> None:
    short = shortened(sentence)
    assert len(short) == LONGEST
    assert (short[:10], short[-5:]) == (sentence[:10], sentence[-5:])
    assert "…" in short


def test_of_several_long_names_each_keeps_its_ends() -> None:
    short = shortened(f"{'a' * 400}.png and {'b' * 400}.png are one file.")
    assert len(short) <= LONGEST
    assert short.endswith("bb.png are one file.")
    assert "aa.png and bb" in short
    assert shortened("Short.") == "Short."


def test_an_error_about_any_name_is_one_short_line(tmp_path: Path) -> None:
    with pytest.raises(TrainerError) as caught:
        read_image(tmp_path / ESCAPE.replace("\x9b", "\n") / ("n" * 250) / ("m" * 250))
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) <= LONGEST


def test_a_terminal_shows_no_control_characters(
    shell: Shell, trained: Path, image_folder: Path, tmp_path: Path
) -> None:
    image = tmp_path / "\x1b[2J\nx.png"
    image.write_bytes(min((image_folder / "images").glob("*.png")).read_bytes())
    done = shell("predict", trained / "bundle", image, tmp_path / "\x1b[3J.png")
    assert "\x1b" not in done.out + done.err
    assert "\\u001b[2J\\u000ax.png: " in done.out
    assert "\\u001b[3J.png" in done.err
    assert "\x1b" not in describe(Warned(message="\x1b[2J"))
    assert "\x1b" not in shell("predict", trained / "bundle", image, "--device", "\x1b[2J").err
