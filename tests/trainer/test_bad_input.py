"""Bad input to the command line: one sentence on stderr, status 2."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.trainer.shell import TINY, Shell

if TYPE_CHECKING:
    from collections.abc import Iterator


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that says how large it is and holds no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def test_folders_that_cannot_be_imported(shell: Shell, image_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.db"
    assert "no folder" in shell.refused("import", tmp_path / "nowhere", "--out", out).lower()
    (tmp_path / "empty").mkdir()
    assert "empty" in shell.refused("import", tmp_path / "empty", "--out", out)
    shutil.copytree(image_folder, tmp_path / "no table")
    (tmp_path / "no table" / "HAM10000_metadata.csv").unlink()
    assert "csv" in shell.refused("import", tmp_path / "no table", "--out", out).lower()
    shutil.copytree(image_folder, tmp_path / "wrong table")
    (tmp_path / "wrong table" / "HAM10000_metadata.csv").write_text("a,b\n1,2\n")
    assert "column" in shell.refused("import", tmp_path / "wrong table", "--out", out)
    assert not out.exists()


def test_a_folder_of_broken_images(shell: Shell, tmp_path: Path) -> None:
    for name in ("mel", "nv"):
        (tmp_path / "broken" / name).mkdir(parents=True)
    (tmp_path / "broken" / "mel" / "text.jpg").write_text("not a picture")
    (tmp_path / "broken" / "nv" / "huge.png").write_bytes(png_header(60_000, 60_000))
    sentence = shell.refused("import", tmp_path / "broken", "--out", tmp_path / "new.db")
    assert "lists 2 problems" in sentence
    assert "text.jpg" in sentence or "huge.png" in sentence


def test_a_demo_replaces_nothing_of_somebody_elses(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("a year's work")
    assert "choose another folder" in shell.refused("demo", "--out", tmp_path)
    assert (tmp_path / "run" / "thesis.txt").read_text() == "a year's work"


def test_images_of_one_class(shell: Shell, tmp_path: Path) -> None:
    for k in range(6):
        path = tmp_path / "one" / "nv" / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(k).integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(path)
    out = tmp_path / "one.db"
    assert shell("import", tmp_path / "one", "--out", out).status == 0
    assert "of class nv; at least two classes" in shell.refused("split", out)


@pytest.mark.parametrize("content", [b"not a picture", png_header(60_000, 60_000), b""])
def test_a_file_that_is_no_image(shell: Shell, trained: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "image.jpg").write_bytes(content)
    outcome = shell("predict", trained / "bundle", tmp_path / "image.jpg", "--json")
    assert outcome.status == 2
    assert [line for line in outcome.err.splitlines() if "image.jpg" in line]
    assert set(json.loads(outcome.out)[0]) == {"path", "error"}


def test_files_that_are_no_dataset(shell: Shell, image_folder: Path, tmp_path: Path) -> None:
    run = ["--backbone", "xception", "--weights", "random", "--out", tmp_path / "run"]
    assert "nothing.db" in shell.refused("train", tmp_path / "nothing.db", *run)
    (tmp_path / "text.db").write_text("not a dataset, but long enough to look into " * 20)
    assert "text.db" in shell.refused("split", tmp_path / "text.db")
    assert shell("import", image_folder, "--out", tmp_path / "whole.db").status == 0
    assert "no split yet" in shell.refused("train", tmp_path / "whole.db", *run)


def test_bundles_that_cannot_be_used(
    shell: Shell, trained: Path, image_folder: Path, dataset_file: Path, tmp_path: Path
) -> None:
    image = min((image_folder / "images").glob("*.png"))
    assert "bundle" in shell.refused("predict", tmp_path, image).lower()
    for name in ("manifest.json", "weights.safetensors"):
        copy = tmp_path / name.replace(".", "-")
        shutil.copytree(trained / "bundle", copy)
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / name).write_bytes(content)
        assert name.split(".")[0] in shell.refused("predict", copy, image)
        assert name.split(".")[0] in shell.refused("evaluate", copy, dataset_file)


def test_weights_of_another_backbone(shell: Shell, dataset_file: Path, tmp_path: Path) -> None:
    from trainer.backbones import get_backbone  # loads TensorFlow
    from trainer.network.building import build_backbone  # loads TensorFlow

    file = tmp_path / "tiny.weights.h5"
    build_backbone(get_backbone("tiny"), 32).save_weights(file)
    words = [
        "train",
        dataset_file,
        "--backbone",
        "resnet50v2",
        "--input-size",
        "32",
        "--out",
        tmp_path / "run",
    ]
    sentence = shell.refused(*words, "--weights", file)
    assert "tiny.weights.h5" in sentence
    assert "ResNet50V2" in sentence
    assert "no weights file" in shell.refused(
        *words[:-1], tmp_path / "run2", "--weights", tmp_path / "none.h5"
    )


def test_settings_that_cannot_be(shell: Shell, dataset_file: Path, tmp_path: Path) -> None:
    run = ["train", dataset_file, "--out", tmp_path / "run"]
    assert "Choose a backbone" in shell.refused(*run)
    assert "'vgg16'" in shell.refused(*run, "--backbone", "vgg16")
    assert "at least 71 x 71" in shell.refused(
        *run, "--backbone", "xception", "--weights", "random", "--input-size", "48"
    )
    # More than a bundle's manifest may name: said before the training, not after it.
    assert "input_size" in shell.refused(
        *run, "--backbone", "xception", "--weights", "random", "--input-size", "5000"
    )
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('backbone = "xception"\nlearning = 3\n')
    assert "learning" in shell.refused(*run[:-1], tmp_path / "run3", "--config", wrong)
    assert "--bakbone" in shell.refused(*run, "--bakbone", "xception")
    assert "DATASET" in shell.refused("train", "--backbone", "xception", "--out", tmp_path / "run4")


def test_a_run_that_is_resumed_with_other_settings(shell: Shell, trained: Path, dataset_file: Path) -> None:
    sentence = shell.refused("train", dataset_file, "--out", trained, "--resume", "--seed", "7")
    assert "other settings (seed)" in sentence
    assert "already holds a run" in shell.refused(
        "train", dataset_file, "--out", trained, "--backbone", "xception"
    )


FULL_DISK = """
import resource, sys
from trainer.commands.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def full_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk without any room."""
    folder = tmp_path / "full disk"
    folder.mkdir()
    try:
        words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk needs root")
    (folder / "filling").write_bytes(b"x" * 60_000)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_of_the_cache(
    shell: Shell, full_folder: Path, dataset_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(TINY)
    monkeypatch.setenv("SKINDESK_CACHE_DIR", str(full_folder))
    sentence = shell.refused("train", dataset_file, "--config", config, "--out", tmp_path / "run")
    assert "the disk is full" in sentence
    assert str(full_folder) in sentence


def test_a_full_disk_behind_the_output(trained: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    for words in (
        ["--help"],
        ["train", "--help"],
        ["doctor", "--json"],
        ["predict", str(trained / "bundle"), "none.jpg", "--json"],
    ):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "trainer", *words],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 2, done.stderr
        assert done.stderr.splitlines()[-1].startswith("Error: Cannot write the output: the disk is full")
        assert "Traceback" not in done.stderr


def test_a_full_disk(dataset_file: Path, tmp_path: Path) -> None:
    # A limit on the size of files stands in for the disk's end: writing fails in the same calls.
    config = tmp_path / "tiny.toml"
    config.write_text(TINY.replace("dense = [16]", "dense = [1024]"))
    words = ["train", str(dataset_file), "--config", str(config), "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: Cannot write")
    assert "Traceback" not in done.stderr
