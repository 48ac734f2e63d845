from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image

from tests.trainer.shell import TINY, Shell
from trainer import RESEARCH_ONLY
from trainer.events import EpochEnded, Failed, Finished, StepDone, Stopped, decode_event
from trainer.prediction import networks
from trainer.runs.bundle import REFERENCE


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
        assert list(prediction) == [
            *("path", "probabilities", "predicted", "malignant_probability", "prior"),
            *("in_distribution", "unusual", "prediction_set", "set_basis", "warnings"),
        ]
        assert prediction["prior"] == "natural"
        assert prediction["path"] == str(path)
        assert sum(prediction["probabilities"].values()) == pytest.approx(1)
        assert prediction["predicted"] in result["classes"]
        assert prediction["malignant_probability"] == pytest.approx(prediction["probabilities"]["mel"])
        assert isinstance(prediction["warnings"], list)
    assert set(failed) == {"path", "error"}


def test_a_scoring_is_not_lost_when_the_dataset_is_locked(
    shell: Shell, trained: Path, dataset_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Path(shutil.copy(dataset_file, tmp_path))
    monkeypatch.setattr("trainer.dataset.database.BUSY_SECONDS", 0.1)
    words = ("evaluate", trained / "bundle", dataset, "--json", "--report", tmp_path / "report")
    with contextlib.closing(sqlite3.connect(dataset, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        outcome = shell(*words)
    assert outcome.status == 0
    assert "This scoring could not be counted in the dataset." in outcome.err
    assert "is in use by another program" in outcome.err
    document = json.loads(outcome.out)
    assert json.loads((tmp_path / "report" / "metrics.json").read_bytes()) == document
    assert json.loads(shell(*words).out)["test_scorings"] == document["test_scorings"]


TRAIN_AND_LOOK = """
import os, sys, tempfile
from trainer.commands.cli import main
assert main(sys.argv[1:]) == 0
print(os.listdir(tempfile.gettempdir()))
os._exit(0)
"""


def test_a_process_that_is_killed_leaves_nothing_temporary(dataset_file: Path, tmp_path: Path) -> None:
    # What is removed at the end of a process stays when that end is not reached.
    (tmp_path / "tiny.toml").write_text(TINY)
    (tmp_path / "temporary").mkdir()
    words = ["train", dataset_file, "--config", tmp_path / "tiny.toml", "--out", tmp_path / "run"]
    done = subprocess.run(
        [sys.executable, "-c", TRAIN_AND_LOOK, *map(str, words)],
        env=os.environ | {"TMPDIR": str(tmp_path / "temporary"), "SKINDESK_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert list(tmp_path.rglob("*.tmp")) == []


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
    assert "has now been scored" in shell("evaluate", trained / "bundle", copy).out


def test_without_a_test_part_scoring_it_says_so(
    shell: Shell, trained: Path, dataset_file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copyfile(dataset_file, copy)
    certificate = json.loads(shell("split", copy, "--fractions", "0.8", "0.2", "0", "--json").out)
    assert certificate["images"]["test"] == 0
    assert "was split without a test part; choose another part" in shell.refused(
        "evaluate", trained / "bundle", copy
    )


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
    known = {figures["fact"]: figures for figures in document["subgroups"]}
    counted = known["sex"]
    images = sum(subgroup["images"] for subgroup in counted["subgroups"])
    assert images + counted["unknown"] <= document["n"]


def test_predict_writes_tables_with_metadata(
    shell: Shell, trained: Path, image_folder: Path, tmp_path: Path
) -> None:
    image = min((image_folder / "images").glob("*.png"))
    (tmp_path / "facts.csv").write_text(f"image,age,site\n{image.stem},61,back\n")
    table = tmp_path / "table.csv"
    words = ["predict", trained / "bundle", image, "--metadata", tmp_path / "facts.csv"]
    assert shell(*words, "--csv", table).status == 0
    assert table.stat().st_mode & 0o077 == 0 or sys.platform == "win32", "its columns may name patients"
    head, row = table.read_text().splitlines()
    assert head.startswith("path,predicted,bkl,mel,nv,malignant_probability,prior,")
    assert ",natural," in row
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


def test_predict_for_equally_frequent_classes(
    shell: Shell, trained: Path, image_folder: Path, tmp_path: Path
) -> None:
    images = sorted((image_folder / "images").glob("*.png"))[:4]
    words = ["predict", trained / "bundle", *images]
    prior = json.loads((trained / "bundle" / "manifest.json").read_text())["calibration"]["prior"]
    natural = json.loads(shell(*words, "--json").out)
    balanced = json.loads(shell(*words, "--prior", "balanced", "--json").out)
    for before, after in zip(natural, balanced, strict=True):
        weighed = {name: share / prior[name] for name, share in before["probabilities"].items()}
        total = sum(weighed.values())
        assert after["prior"] == "balanced"
        assert after["probabilities"] == pytest.approx({name: w / total for name, w in weighed.items()})
        assert after["malignant_probability"] == pytest.approx(after["probabilities"]["mel"])
        assert after["predicted"] == before["predicted"] == max(weighed, key=weighed.__getitem__)
    assert shell(*words, "--prior", "balanced", "--csv", tmp_path / "table.csv").status == 0
    with (tmp_path / "table.csv").open(newline="") as stream:
        assert [row["prior"] for row in csv.DictReader(stream)] == ["balanced"] * 4
    assert "all classes are equally frequent" in shell(*words, "--prior", "balanced").out


def test_metadata_of_images_of_one_name(
    shell: Shell, trained: Path, image_folder: Path, tmp_path: Path
) -> None:
    images = [tmp_path / clinic / "IMG_0000.png" for clinic in ("clinicA", "clinicB")]
    for image in images:
        image.parent.mkdir()
        shutil.copy(min((image_folder / "images").glob("*.png")), image)
    facts = tmp_path / "facts.csv"
    words = ["predict", trained / "bundle", *images, "--metadata", facts, "--json"]
    facts.write_text("image,patient\nclinicA/IMG_0000.png,A0\nclinicB/IMG_0000.png,B0\n")
    assert [answer["metadata"]["patient"] for answer in json.loads(shell(*words).out)] == ["A0", "B0"]
    facts.write_text("image,patient\nIMG_0000,A0\n")
    for answer in json.loads(shell(*words).out):
        assert "metadata" not in answer
        assert "several images or rows are called IMG_0000.png" in answer["warnings"][-1]


def test_metadata_that_names_no_image(shell: Shell, trained: Path, tmp_path: Path) -> None:
    words = ["predict", trained / "bundle", tmp_path / "a.png", "--metadata"]
    assert "none.csv" in shell.refused(*words, tmp_path / "none.csv")
    (tmp_path / "facts.csv").write_text("age;site\n61;back\n")
    assert "needs a column `image`" in shell.refused(*words, tmp_path / "facts.csv")


def test_evaluate_and_predict_say_what_they_compute_on(
    shell: Shell, trained: Path, dataset_file: Path, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = min((image_folder / "images").glob("*.png"))
    commands = {
        "Predicting": ("predict", image),
        "Scoring": ("evaluate", dataset_file, "--split", "validation"),
    }
    for task, (command, *words) in commands.items():
        done = shell(command, trained / "bundle", *words, "--device", "cpu", "--json")
        assert f"{task} on the CPU (" in done.err
        assert "as requested" in done.err
        json.loads(done.out)
        monkeypatch.setattr("trainer.devices.choosing.find_gpus", lambda _root: ())
        assert "because no GPU can be used" in shell(command, trained / "bundle", *words).err
        assert "No GPU can be used" in shell.refused(command, trained / "bundle", *words, "--device", "gpu")


def test_the_usage_of_predict_names_its_images_once(shell: Shell) -> None:
    assert shell("predict", "--help").out.count("...") == 1


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
    # Without its reference it does not know that it was trained on some of these.
    shutil.copytree(trained / "bundle", tmp_path / "bundle", ignore=shutil.ignore_patterns(REFERENCE))
    words = [
        "evaluate",
        tmp_path / "bundle",
        database,
        "--split",
        "all",
        "--report",
        tmp_path / "r",
        "--json",
    ]
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
        ["evaluate", trained / "bundle", database, "--split", "all", "--json"],
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_prediction_is_stopped_while_its_network_is_being_built(
    shell: Shell, trained: Path, image_folder: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def build(*_: object, **__: object) -> NoReturn:
        signal.raise_signal(number)
        pytest.fail("it went on")

    monkeypatch.setattr(networks, "Network", build)
    previous = signal.getsignal(number)
    outcome = shell("predict", trained / "bundle", next(image_folder.rglob("*.png")))
    assert outcome == (3, "", outcome.err)
    assert outcome.err.endswith("Stopped.\n")
    assert signal.getsignal(number) is previous


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
    assert "it can be resumed" in err
    assert isinstance(decode_event(out.splitlines()[-1]), Stopped)
    kept = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    assert isinstance(decode_event(kept[-1]), Stopped)
    assert list((tmp_path / "run" / "checkpoints").iterdir())
