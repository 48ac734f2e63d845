"""The command line. Results go to stdout, everything else to stderr; see `main`."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from trainer import RESEARCH_ONLY
from trainer.commands.ensembling import ensemble
from trainer.commands.running import exit_status
from trainer.commands.terminal import (
    describe_classes,
    describe_import,
    json_listener,
    show,
    terminal_listener,
)
from trainer.compute.starting import load_tensorflow
from trainer.config import WITHOUT_EFFECT_ON_RESULT, RunConfig, config_from_toml
from trainer.config.fields import fields
from trainer.dataset.reading.layouts import layout_choices
from trainer.dataset.reading.source.columns import Columns
from trainer.errors import ConfigError, DatasetError, TrainerError
from trainer.events import Failed, Said, Stopped, StopRequest
from trainer.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.events import AnyEvent, Listener

app = typer.Typer(
    name="trainer",
    help="Train, evaluate and use classifiers of skin-lesion images. " + RESEARCH_ONLY,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Backbone = Literal["inceptionv3", "xception", "resnet50v2", "densenet121"]
Stage = Literal["head", "fine-tune", "both"]
DatasetFile = Annotated[Path, typer.Argument(metavar="DATASET.db", help="A dataset created by `import`.")]
BundleFolder = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder `bundle` of a run.")]
DeviceOption = Annotated[
    Literal["auto", "cpu", "gpu"],
    typer.Option("--device", help="`auto`: a GPU that has proven to work, or the CPU."),
]
_BUDGETS_HELP = (
    "Environment variables: SKINDESK_CACHE_DIR, the folder of cached features; SKINDESK_CACHE_GIB, their disk space "
    "in GiB (20); SKINDESK_TABLE_GIB, the memory for the features of one run in GiB (1); SKINDESK_WEIGHTS_DIR, a "
    "folder with ImageNet weights."
)
Coverage = Annotated[
    float,
    typer.Option(
        min=0.5, max=0.99, help="Share of the images of each class whose prediction set is to contain it."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def _help(setting: str) -> str:
    """Return what a setting of a run does, as it is declared."""
    return fields()[setting].about.help


@contextlib.contextmanager
def _stoppable(*, at_once: bool = False) -> Iterator[StopRequest]:
    """Yield a request that Ctrl+C and a termination signal raise; a second one ends the program at once.

    Args:
        at_once: whether the first interrupts the step under way, too, where that leaves nothing half done.
    """
    stop = StopRequest()

    def ask(number: int, _frame: Any) -> None:  # noqa: ANN401 - a frame or nothing
        stop.ask()
        signal.signal(number, signal.SIG_DFL)
        if at_once:
            raise KeyboardInterrupt
        # Not by `print`: the signal may have come in the middle of one, which Python forbids to enter again.
        with contextlib.suppress(OSError):
            os.write(2, b"Stopping after this step ...\n")

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _print_json(value: Any) -> None:  # noqa: ANN401 - any structure of plain values
    show(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def default_cache_folder() -> Path:
    """Return where cached features lie: SKINDESK_CACHE_DIR, or the platform's cache folder."""
    import platformdirs

    named = os.environ.get("SKINDESK_CACHE_DIR")
    return (Path(named) if named else platformdirs.user_cache_path("skindesk")) / "features"


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A folder of images.")],
    out: Annotated[Path, typer.Option(help="The dataset file to create or add to.")],
    layout: Annotated[str, typer.Option(help=f"{layout_choices()}.")] = "auto",
    image_column: Annotated[
        str | None, typer.Option(metavar="C", help="Column of the table that names the image file.")
    ] = None,
    class_column: Annotated[str | None, typer.Option(metavar="C", help="Column of the class.")] = None,
    lesion_column: Annotated[str | None, typer.Option(metavar="C", help="Column of the lesion's id.")] = None,
    patient_column: Annotated[
        str | None, typer.Option(metavar="C", help="Column of the patient's id.")
    ] = None,
    split_column: Annotated[
        str | None,
        typer.Option(
            metavar="C",
            help="Column that says train, validation or test; `table` or `folder`: the names of tables or folders say it.",
        ),
    ] = None,
    accept_leaks: Annotated[
        bool,
        typer.Option("--accept-leaks", help="Take a given split even if it divides lesions or patients."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import a folder of images as a dataset. Run it again to add only what is new."""
    from trainer.dataset.importing import import_dataset

    columns = Columns(
        image=image_column,
        class_name=class_column,
        lesion_id=lesion_column,
        patient_id=patient_column,
        split=split_column,
        accept_leaks=accept_leaks,
    )
    with _stoppable() as stop:
        report = import_dataset(
            source,
            out,
            layout=layout,
            columns=None if columns == Columns() else columns,
            listener=terminal_listener(),
            stop=stop,
        )
    if not report.total:
        raise _nothing_usable(out, report.problems)
    if as_json:
        _print_json(report)
    else:
        show(describe_import(report))


def _nothing_usable(dataset: Path, problems: int) -> DatasetError:
    """Return an error that names the first of the reasons why no image can be used."""
    from trainer.dataset.store import DatasetStore

    with DatasetStore.open(dataset, read_only=True) as store:
        first = store.problems().iloc[0]
    return DatasetError(
        f"None of the images can be used. {dataset} lists {problems:,} problems; the first: {first['reason']}"
    )


@app.command()
def classes(
    dataset: Annotated[
        Path,
        typer.Argument(metavar="DATASET.db|BUNDLE", help="A dataset created by `import`, or a run's bundle."),
    ],
    malignant: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Mark a class as malignant or precancerous; may be repeated."),
    ] = None,
    benign: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Mark a class as benign; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the classes of a dataset or a bundle and which of them are malignant, or mark them."""
    from trainer.dataset.classes.marking import class_list
    from trainer.dataset.store import DatasetStore
    from trainer.runs.bundle_classes import bundle_class_list, mark_bundle_classes

    if dataset.is_dir():
        if malignant or benign:
            mark_bundle_classes(dataset, malignant=malignant or (), benign=benign or ())
        found = bundle_class_list(dataset)
    else:
        with DatasetStore.open(dataset, read_only=not (malignant or benign)) as store:
            store.mark(malignant=malignant or (), benign=benign or ())
            found = class_list(store.database)
    if as_json:
        _print_json(found)
    else:
        show(describe_classes(found))


@app.command()
def samples(
    dataset: DatasetFile,
    csv: Annotated[str, typer.Option(metavar="FILE|-", help="The table to write; - for stdout.")],
) -> None:
    """Write the table of samples, which `import` can read again; of a damaged dataset, what can still be read."""
    from trainer.dataset.sample_table import sample_table

    table = sample_table(dataset)
    if csv == "-":
        show(table.csv.removesuffix("\n"))
    else:
        write_text(Path(csv), table.csv)
        print(f"{table.rows:,} samples were written to {csv}.", file=sys.stderr)
    if table.problem:
        print(table.problem, file=sys.stderr)


@app.command()
def split(
    dataset: DatasetFile,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same split.")] = 0,
    fractions: Annotated[
        tuple[float, float, float],
        typer.Option(help="Shares of train, validation and test; 0 for no test part."),
    ] = (0.7, 0.15, 0.15),
    as_json: AsJson = False,
) -> None:
    """Split a dataset by lesion. Print the certificate of train, validation and test parts."""
    from trainer.dataset.splitting import split_dataset
    from trainer.dataset.store import DatasetStore

    with DatasetStore.open(dataset) as store, _stoppable() as stop:
        certificate = split_dataset(
            store, seed=seed, fractions=fractions, listener=terminal_listener(), stop=stop
        )
    if as_json:
        _print_json(certificate)
    else:
        show(certificate.describe())


@app.command(epilog=_BUDGETS_HELP)
def train(
    dataset: DatasetFile,
    out: Annotated[Path, typer.Option(metavar="RUN_DIR", help="Folder for the run.")],
    backbone: Annotated[Backbone | None, typer.Option(help=_help("backbone"))] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings of the run.")] = None,
    stage: Annotated[Stage | None, typer.Option(help="Which stage to train.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="imagenet, random, or the path of a weights file.")
    ] = None,
    weights_dir: Annotated[Path | None, typer.Option(help="Folder with ImageNet weights files.")] = None,
    device: Annotated[Literal["auto", "cpu", "gpu"] | None, typer.Option(help=_help("device"))] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Maximum epochs for each stage.")] = None,
    input_size: Annotated[int | None, typer.Option(help=_help("input_size"))] = None,
    seed: Annotated[int | None, typer.Option(min=0, help=_help("seed"))] = None,
    deterministic: Annotated[bool, typer.Option("--deterministic", help=_help("deterministic"))] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in RUN_DIR.")] = False,
    json_events: Annotated[
        bool, typer.Option("--json-events", help="Print events as JSON lines on stdout.")
    ] = False,
) -> None:
    """Train a network on a split dataset. The result is the bundle RUN_DIR/bundle."""
    from trainer.dataset.store import DatasetStore
    from trainer.runs.folder import RunFolder

    changes: dict[str, Any] = {
        "backbone": backbone,
        "stages": {"head": ("head",), "fine-tune": ("fine-tune",), "both": ("head", "fine-tune"), None: None}[
            stage
        ],
        "weights": weights,
        "device": device,
        "input_size": input_size,
        "seed": seed,
        "deterministic": deterministic or None,
    }
    asked = {name: value for name, value in changes.items() if value is not None}
    with _events_to(json_listener if json_events else terminal_listener()) as listener:
        folder = RunFolder(out)
        resume = resume and folder.begun
        if resume:
            settings = _resumed(folder.config(), asked, epochs, config)
        else:
            settings = config_from_toml(config) if config is not None else RunConfig()
            if backbone is None and config is None:
                raise ConfigError("Choose a backbone with --backbone, or give a settings file with --config.")
            settings = _with_epochs(msgspec.structs.replace(settings, **asked), epochs)
        with DatasetStore.open(dataset, read_only=True) as store, _stoppable() as stop:
            load_tensorflow()
            from trainer.training.loop import train as train_network

            train_network(
                store,
                out,
                settings,
                cache_folder=default_cache_folder(),
                weights_dir=weights_dir,
                resume=resume,
                listener=listener,
                stop=stop,
            )


@contextlib.contextmanager
def _events_to(listener: Listener) -> Iterator[Listener]:
    """Yield a listener that passes events on; an error that is not among them is made the last of them."""
    said: list[AnyEvent] = []

    def listen(event: AnyEvent) -> None:
        said[:] = [event]
        listener(event)

    try:
        yield listen
    except TrainerError as error:
        # What goes wrong before the run has a folder is not among its events.
        if not (said and isinstance(said[0], Failed | Stopped)):
            listener(Failed(message=str(error)))
        raise


def _with_epochs(settings: RunConfig, epochs: int | None) -> RunConfig:
    if epochs is None:
        return settings
    return msgspec.structs.replace(
        settings,
        head_stage=msgspec.structs.replace(settings.head_stage, epochs=epochs),
        fine_tune_stage=msgspec.structs.replace(settings.fine_tune_stage, epochs=epochs),
    )


def _resumed(
    settings: RunConfig, asked: dict[str, Any], epochs: int | None, config: Path | None
) -> RunConfig:
    """Return the settings of a resumed run: those it was begun with, apart from what does not change its result.

    Raises:
        ConfigError: others are asked for; the sentence says which.
    """
    wanted = config_from_toml(config) if config is not None else settings
    if "device" not in asked:  # an option when the run began, which a file does not repeat
        wanted = msgspec.structs.replace(wanted, device=settings.device)
    wanted = _with_epochs(msgspec.structs.replace(wanted, **asked), epochs)
    differing = [
        name
        for name in settings.__struct_fields__
        if getattr(wanted, name) != getattr(settings, name) and name not in WITHOUT_EFFECT_ON_RESULT
    ]
    if differing:
        raise ConfigError(
            f"The run was started with other settings ({', '.join(differing)}); resume it "
            "without these options, or start a new run in another folder."
        )
    return wanted


@app.command()
def evaluate(
    bundle: BundleFolder,
    dataset: DatasetFile,
    part: Annotated[
        Literal["test", "validation", "train", "all"],
        typer.Option("--split", help="Part of the dataset to evaluate on."),
    ] = "test",
    coverage: Coverage = 0.9,
    device: DeviceOption = "auto",
    as_json: AsJson = False,
    report: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for figures and JSON.")] = None,
) -> None:
    """Evaluate a bundle on a part of a dataset. Each use of the test part is counted in the dataset."""
    from trainer.dataset.store import DatasetStore

    listener = terminal_listener()
    _start_on(device, "Scoring", listener)
    from trainer.prediction.scoring import score

    with DatasetStore.open(dataset) as store, _stoppable() as stop:
        result = score(bundle, store, part, coverage=coverage, report=report, listener=listener, stop=stop)
    if as_json:
        _print_json(result.document)
    else:
        show(result.text)


def _start_on(choice: Literal["auto", "cpu", "gpu"], task: str, listener: Listener) -> None:
    """Load TensorFlow, show it the chosen device only, and say which that is.

    Raises:
        DeviceError: a GPU was asked for and none can be used.
    """
    from trainer.devices.choosing import choose_device

    device = choose_device(choice, task=task)
    listener(Said(message=device.reason))
    load_tensorflow()
    from trainer.compute.proving import prepare_device

    prepare_device(device)


@app.command()
def complete(bundle: BundleFolder, dataset: DatasetFile, device: DeviceOption = "auto") -> None:
    """Add to a bundle what it is to know of its training images; those of earlier versions lack it."""
    from trainer.dataset.store import DatasetStore

    listener = terminal_listener()
    with DatasetStore.open(dataset, read_only=True) as store, _stoppable() as stop:
        _start_on(device, "Completing", listener)
        from trainer.prediction.completing import complete_bundle

        complete_bundle(bundle, store, listener=listener, stop=stop)


app.command()(ensemble)


@app.command()
def predict(
    bundle: BundleFolder,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files.")],
    metadata: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Table of facts to add; its column `image` names the images."),
    ] = None,
    prior: Annotated[
        Literal["natural", "balanced"],
        typer.Option(
            help="Class frequencies that the probabilities assume: those of the training images, or equal ones."
        ),
    ] = "natural",
    neighbours: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="With --json: add the N training images most like each image."),
    ] = 0,
    coverage: Coverage = 0.9,
    device: DeviceOption = "auto",
    as_json: AsJson = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the predictions as a CSV table.")
    ] = None,
) -> None:
    """Print the probability of every class for each image."""
    if as_json and csv is not None:
        raise ConfigError("Choose --json or --csv, not both.")
    if neighbours and not as_json:
        raise ConfigError("--neighbours needs --json.")
    from trainer.commands.metadata import read_metadata

    table = read_metadata(metadata) if metadata is not None else None
    listener = terminal_listener()
    with _stoppable(at_once=True) as stop:
        _start_on(device, "Predicting", listener)
        from trainer.commands import predicting

        predictions, similar, manifest = predicting.predict(
            bundle,
            images,
            table,
            prior=prior,
            coverage=coverage,
            neighbours=neighbours,
            listener=listener,
            stop=stop,
        )
    if as_json:
        _print_json(list(map(predicting.as_answer, predictions, similar)))
    elif csv is not None:
        # Columns of a table of one's own may name patients.
        write_text(csv, predicting.as_csv(predictions, manifest), private=metadata is not None)
    else:
        show(predicting.as_text(predictions, manifest))
    failed = [p for p in predictions if p.error]
    if len(failed) == len(predictions):
        raise TrainerError(
            failed[0].error
            if len(failed) == 1
            else f"None of the {len(failed)} images can be read; the first: {failed[0].error}"
        )
    for prediction in failed:
        print(prediction.error, file=sys.stderr)


@app.command()
def threshold(
    bundle: BundleFolder,
    target: Annotated[
        str,
        typer.Option(metavar="malignant|CLASS", help="What is to be found: all malignant classes, or one."),
    ] = "malignant",
    sensitivity: Annotated[
        float, typer.Option(help="Share of the target's lesions to be flagged, kept with 95 % confidence.")
    ] = 0.95,
    prevalence: Annotated[
        float | None,
        typer.Option(
            help="Share of lesions that are of the target where the network is used; that of the training images by default."
        ),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Flag images by this operating point from now on.")
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Remove the saved operating point.")] = False,
    as_json: AsJson = False,
) -> None:
    """Choose from which probability on lesions are flagged. By lesions of validation that chose nothing else."""
    if save and clear:
        raise ConfigError("Choose --save or --clear, not both.")
    from trainer.commands import threshold as command

    if clear:
        there = command.clear_threshold(bundle)
        if as_json:
            _print_json({"cleared": there})
        else:
            show("The operating point was removed." if there else "There was no operating point.")
        return
    found = command.thresholds(bundle, command.Wanted(target, sensitivity, prevalence), save=save)
    if as_json:
        _print_json(found)
    else:
        show(command.as_text(found))


@app.command()
def explain(
    bundle: BundleFolder,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image file.")],
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="The picture to write.")],
    class_name: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="Class to look for; by default the predicted one."),
    ] = None,
    method: Annotated[
        Literal["grad-cam", "hires-cam"],
        typer.Option(help="`grad-cam`, the usual one, is coarse; `hires-cam` is twice as fine."),
    ] = "grad-cam",
    device: DeviceOption = "auto",
    as_json: AsJson = False,
) -> None:
    """Draw where the network looked for a class in an image. It shows where, not why, and proves nothing."""
    if out.suffix.lower() != ".png":
        raise ConfigError(f"The picture is a PNG file; give --out a name that ends in .png, not {out.name}.")
    if out.resolve() == image.resolve():
        raise ConfigError(f"{out} is the image itself; give --out another name.")
    listener = terminal_listener()
    _start_on(device, "Explaining", listener)
    from trainer.commands.explaining import explain as explain_image

    explanation = explain_image(bundle, image, class_name, method, out)
    if as_json:
        _print_json(explanation)
    else:
        show(explanation.describe())


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for all results; ./skindesk-demo by default.")
    ] = None,
) -> None:
    """Try everything on a drawn dataset, offline. Import, split, train, evaluate and predict."""
    load_tensorflow()
    from trainer.commands.demo import run_demo

    with _stoppable() as stop:
        show(run_demo(out or Path("skindesk-demo"), terminal_listener(), stop))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Show what is installed and what is missing. Versions, devices, weights, fonts, and what to do."""
    from trainer.commands.doctor import doctor_report

    report = doctor_report(cache_folder=default_cache_folder())
    if as_json:
        _print_json(report)
    else:
        show(report.describe())


@app.command()
def engine() -> None:
    """Run jobs for the window. Reads JSON lines from stdin and answers on stdout until stdin ends."""
    from trainer.engine.serving import run_engine

    run_engine()


@app.command("gpu-probe", hidden=True)
def gpu_probe() -> None:
    """Prove the GPUs and print what was found as one line of JSON; `doctor` and others start this."""
    from trainer.compute.proving import main as prove

    prove()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; see `exit_status` for what it returns."""
    return exit_status(functools.partial(app, args=arguments, standalone_mode=False))
