from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from PIL import Image

from trainer import RESEARCH_ONLY
from trainer.cli import main
from trainer.events import EpochEnded, Failed, Finished, StepDone, Stopped, decode_event

if TYPE_CHECKING:
    from collections.abc import Iterator


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


class Shell:
    """Calls the command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object) -> Outcome:
        self._capsys.readouterr()
        status = main([str(word) for word in words])
        captured = self._capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    def refused(self, *words: object) -> str:
        """Return the one sentence with which bad input is refused."""
        outcome = self(*words)
        assert outcome.status == 2, outcome
        assert "Traceback" not in outcome.err
        assert outcome.out == ""
        sentences = [line for line in outcome.err.splitlines() if line.startswith("Error: ")]
        assert len(sentences) == 1, outcome.err
        assert outcome.err.rstrip().endswith(sentences[0])
        return sentences[0]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    monkeypatch.setenv("SKINDESK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SKINDESK_WEIGHTS_DIR", "")
    return Shell(capsys)


@pytest.fixture(scope="session")
def trained(dataset_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny network."""
    folder = tmp_path_factory.mktemp("trained")
    config = folder / "tiny.toml"
    config.write_text(TINY)
    words = ["train", str(dataset_file), "--config", str(config), "--out", str(folder / "run")]
    assert main(words) == 0
    return folder / "run"


TINY = """
backbone = "tiny"
weights = "random"
device = "cpu"
[head]
dense = [16]
[head_stage]
epochs = 8
batch_size = 16
views = 1
learning_rate = 0.02
[fine_tune_stage]
epochs = 2
batch_size = 16
learning_rate = 0.003
"""


def test_import_split_evaluate_predict(
    shell: Shell, image_folder: Path, trained: Path, dataset_file: Path, tmp_path: Path
) -> None:
    database = tmp_path / "new.db"
    report = json.loads(shell("import", image_folder, "--out", database, "--json").out)
    assert report["total"] == 84
    assert report["classes"] == {"bkl": 18, "mel": 18, "nv": 48}
    certificate = shell("split", database, "--fractions", "0.5", "0.25", "0.25", "--seed", "3").out
    assert "Groups in two parts: 0" in certificate
    result = json.loads(shell("evaluate", trained / "bundle", dataset_file, "--split", "test", "--json").out)
    for key in ("accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1", "ece", "n"):
        assert result[key] >= 0
    assert set(result["per_class"]["mel"]) >= {"precision", "recall", "f1", "support", "roc_auc"}
    assert np.array(result["confusion_matrix"]).sum() == result["n"]
    assert result["classes"] == ["bkl", "mel", "nv"]
    low, high = result["intervals"]["balanced_accuracy"].values()
    assert low <= result["balanced_accuracy"] <= high
    images = sorted((image_folder / "images").glob("*.png"))[:3]
    (tmp_path / "text.jpg").write_text("not a picture")
    outcome = shell("predict", trained / "bundle", *images, tmp_path / "text.jpg", "--json")
    assert outcome.status == 0
    *predictions, failed = json.loads(outcome.out)
    for prediction, path in zip(predictions, images, strict=True):
        assert prediction["path"] == str(path)
        assert sum(prediction["probabilities"].values()) == pytest.approx(1)
        assert prediction["predicted"] in result["classes"]
        assert prediction["malignant_probability"] == pytest.approx(prediction["probabilities"]["mel"])
        assert isinstance(prediction["warnings"], list)
    assert set(failed) == {"path", "error"}


def test_scorings_of_the_test_part_are_counted(
    shell: Shell, trained: Path, dataset_file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(dataset_file, copy)
    counts = [
        json.loads(shell("evaluate", trained / "bundle", copy, "--split", part, "--json").out)[
            "test_scorings"
        ]
        for part in ("test", "validation", "test")
    ]
    assert counts[0] is not None
    assert counts[1] is None
    assert counts[2] == counts[0] + 1
    assert "time number" in shell("evaluate", trained / "bundle", copy).out


def test_evaluate_writes_a_report(shell: Shell, trained: Path, dataset_file: Path, tmp_path: Path) -> None:
    outcome = shell(
        "evaluate", trained / "bundle", dataset_file, "--split", "validation", "--report", tmp_path / "r"
    )
    assert RESEARCH_ONLY in outcome.out
    for name in ("confusion_matrix", "roc", "precision_recall", "reliability"):
        with Image.open(tmp_path / "r" / f"{name}.png") as picture:
            assert picture.width > 500
    document = json.loads((tmp_path / "r" / "metrics.json").read_text())
    rows = (tmp_path / "r" / "predictions.csv").read_text().splitlines()
    assert len(rows) == document["n"] + 1


def test_predict_writes_tables_with_metadata(
    shell: Shell, trained: Path, image_folder: Path, tmp_path: Path
) -> None:
    image = min((image_folder / "images").glob("*.png"))
    (tmp_path / "facts.csv").write_text(f"image,age,site\n{image.stem},61,back\n")
    table = tmp_path / "table.csv"
    words = ["predict", trained / "bundle", image, "--metadata", tmp_path / "facts.csv"]
    assert shell(*words, "--csv", table).status == 0
    head, row = table.read_text().splitlines()
    assert head.startswith("path,predicted,bkl,mel,nv,malignant_probability")
    assert row.endswith("61,back")
    assert json.loads(shell(*words, "--json").out)[0]["metadata"] == {"age": "61", "site": "back"}
    text = shell("predict", trained / "bundle", image).out
    assert RESEARCH_ONLY in text
    assert "malignant" in text


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffImage;age;site\n{stem}.PNG;61;back\n",
        "\ufeffimage_id\tage\tsite\n{stem}\t61\tback\n",
        'path,age,site\nC:\\photos\\{stem}.png,"61",back\n\n',
    ],
)
def test_metadata_in_any_of_the_usual_tables(
    shell: Shell, trained: Path, image_folder: Path, tmp_path: Path, content: str
) -> None:
    image = min((image_folder / "images").glob("*.png"))
    (tmp_path / "facts.csv").write_text(content.format(stem=image.stem), encoding="utf-8")
    words = ["predict", trained / "bundle", image, "--metadata", tmp_path / "facts.csv", "--json"]
    assert json.loads(shell(*words).out)[0]["metadata"] == {"age": "61", "site": "back"}


def test_metadata_that_names_no_image(shell: Shell, trained: Path, tmp_path: Path) -> None:
    words = ["predict", trained / "bundle", tmp_path / "a.png", "--metadata"]
    assert "none.csv" in shell.refused(*words, tmp_path / "none.csv")
    (tmp_path / "facts.csv").write_text("age;site\n61;back\n")
    assert "needs a column `image`" in shell.refused(*words, tmp_path / "facts.csv")


def test_names_that_are_not_unicode(shell: Shell, trained: Path, image_folder: Path, tmp_path: Path) -> None:
    image = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe9t\xe9.png"))
    broken = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xffbroken.png"))
    try:
        shutil.copy(min((image_folder / "images").glob("*.png")), image)
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    broken.write_text("not a picture")
    outcome = shell("predict", trained / "bundle", image, broken, "--json")
    assert outcome.status == 0
    done, failed = json.loads(outcome.out)
    assert done["path"].endswith("\\udcff\\udce9t\\udce9.png")
    assert "\\udcffbroken.png" in failed["error"]
    assert shell("predict", trained / "bundle", image, "--csv", tmp_path / "table.csv").status == 0
    assert "malignant" in shell("predict", trained / "bundle", image).out


def test_a_report_of_samples_with_odd_names(
    shell: Shell, trained: Path, image_folder: Path, tmp_path: Path
) -> None:
    for k, file in enumerate(sorted((image_folder / "images").glob("*.png"))):
        folder = tmp_path / "lesions" / ("mel" if k % 2 else "nv")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / f'{k:02d}, "é".PNG')
    database = tmp_path / "odd.db"
    assert shell("import", tmp_path / "lesions", "--out", database).status == 0
    words = ["evaluate", trained / "bundle", database, "--split", "all", "--report", tmp_path / "r", "--json"]
    document = json.loads(shell(*words).out)
    with (tmp_path / "r" / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == document["n"] == 84
    assert {row["truth"] for row in rows} == {"mel", "nv"}
    assert rows[0]["sample_id"] == 'mel/01, "é".PNG'


def test_images_that_have_been_moved(shell: Shell, trained: Path, image_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(image_folder, tmp_path / "here")
    database = tmp_path / "moved.db"
    assert shell("import", tmp_path / "here", "--out", database).status == 0
    assert shell("split", database).status == 0
    (tmp_path / "here").rename(tmp_path / "there")
    config = tmp_path / "tiny.toml"
    config.write_text(TINY)
    for words in (
        ["train", database, "--config", config, "--out", tmp_path / "run"],
        ["evaluate", trained / "bundle", database, "--json"],
    ):
        sentence = shell.refused(*words)
        assert str(tmp_path / "here") in sentence
        assert "import" in sentence
    assert shell("import", tmp_path / "there", "--out", database).status == 0
    lost = min((tmp_path / "there" / "images").glob("*.png"))
    lost.write_bytes(lost.read_bytes() + b"more")
    assert lost.name in shell.refused(*["train", database, "--config", config, "--out", tmp_path / "run"])


def test_doctor_says_what_is_here(shell: Shell) -> None:
    document = json.loads(shell("doctor", "--json").out)
    assert "tensorflow" in json.dumps(document)
    assert "xception" in shell("doctor").out.lower()


def test_events_go_to_stdout_as_json_lines(shell: Shell, dataset_file: Path, tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(TINY)
    words = ["train", dataset_file, "--config", config, "--out", tmp_path / "run", "--stage", "head"]
    outcome = shell(*words, "--epochs", "2", "--json-events")
    assert outcome.status == 0
    events = [decode_event(line) for line in outcome.out.splitlines()]
    assert sum(isinstance(event, EpochEnded) for event in events) == 2
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize(
    "words",
    [
        ["nothing.db", "--backbone", "xception"],
        ["nothing.db"],
        ["nothing.db", "--config", "nothing.toml"],
    ],
)
def test_a_run_that_cannot_begin_says_so_among_its_events_too(
    shell: Shell, tmp_path: Path, words: list[str]
) -> None:
    outcome = shell("train", *words, "--out", tmp_path / "run", "--json-events")
    assert outcome.status == 2
    (event,) = [decode_event(line) for line in outcome.out.splitlines()]
    assert isinstance(event, Failed)
    assert f"Error: {event.message}" in outcome.err


def test_ctrl_c_saves_and_ends_with_status_3(dataset_file: Path, tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(TINY.replace("epochs = 2", "epochs = 500"))
    words = [sys.executable, "-m", "trainer", "train", str(dataset_file), "--config", str(config)]
    words += ["--out", str(tmp_path / "run"), "--json-events", "--stage", "fine-tune"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if isinstance(decode_event(line), StepDone):
                child.send_signal(signal.SIGINT)
                break
        out, err = child.communicate(timeout=120)
    assert child.returncode == 3, err
    assert "--resume" in err
    assert isinstance(decode_event(out.splitlines()[-1]), Stopped)
    kept = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    assert isinstance(decode_event(kept[-1]), Stopped)
    assert list((tmp_path / "run" / "checkpoints").iterdir())


# --- bad input: one sentence, status 2 --------------------------------------------------------------------


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
    assert "lists the problems (2)" in sentence
    assert "text.jpg" in sentence or "huge.png" in sentence


def test_a_demo_replaces_nothing_of_somebody_elses(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("a year's work")
    assert "choose another folder with --out" in shell.refused("demo", "--out", tmp_path)
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
    from trainer.backbones import build_backbone, get_backbone  # noqa: PLC0415 - loads TensorFlow

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
    assert "No backbone is chosen" in shell.refused(*run)
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
from trainer.cli import main
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
    for words in (["doctor", "--json"], ["predict", str(trained / "bundle"), "none.jpg", "--json"]):
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
