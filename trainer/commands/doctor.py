"""What is installed, what is missing and what to do: versions, devices, weights, fonts, disk space."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import platformdirs

from trainer import RESEARCH_ONLY, __version__
from trainer.backbones import get_backbone
from trainer.config import OFFERED_BACKBONES
from trainer.devices.choosing import Devices, choose_device, describe_devices, run_probe
from trainer.devices.fonts import scripts_without_font
from trainer.devices.hardware import version_of
from trainer.devices.weights_at_hand import locate_weights
from trainer.errors import WeightsError
from trainer.wording import file_size, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.devices.choosing import Probe

PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "pillow",
    "scikit-learn",
    "matplotlib",
    "h5py",
    "safetensors",
    "msgspec",
    "openpyxl",
    "pooch",
    "tifffile",
    "typer",
)
"""Packages whose absence stops some part of the program, by the name under which pip knows them."""

_LITTLE_DISK = 5 * 2**30
_LITTLE_MEMORY = 4 * 2**30


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the program on this machine.

    Attributes:
        program_version: of SkinDesk.
        python: version.
        system: operating system and processor architecture.
        versions: of packages by name; `None` where one is not installed.
        devices: what can be trained on.
        device: a sentence on what `--device auto` takes, and in what precision.
        weights: by offered backbone, the file with ImageNet weights on this machine; `None` where there is
            none and it would be downloaded.
        cache_folder: where features and other things that can be made again are kept.
        cache_free_bytes: room on that disk.
        scripts_without_font: whose letters reports print as numbers; `None` where that cannot be told.
        problems: sentences on what is missing or short and what to do; empty when all is well.
    """

    program_version: str
    python: str
    system: str
    versions: dict[str, str | None]
    devices: Devices
    device: str
    weights: dict[str, str | None]
    cache_folder: str
    cache_free_bytes: int
    scripts_without_font: tuple[str, ...] | None = None
    problems: tuple[str, ...]

    def describe(self) -> str:
        """Return the report as lines for a terminal."""
        versions = ", ".join(f"{name} {version or 'missing'}" for name, version in self.versions.items())
        lines = [
            f"SkinDesk {self.program_version}, Python {self.python}, {self.system}",
            f"Packages: {versions}",
            self.devices.describe(),
            self.device,
            "ImageNet weights:",
            *(f"  {name}: {path or 'downloaded on first use'}" for name, path in self.weights.items()),
            f"Cache: {self.cache_folder}, {file_size(self.cache_free_bytes)} free",
            self._fonts(),
            *(f"Problem: {problem}" for problem in self.problems),
        ]
        if not self.problems:
            lines.append("Nothing is missing.")
        return plain("\n".join([*filter(None, lines), RESEARCH_ONLY]))

    def _fonts(self) -> str:
        if self.scripts_without_font is None:
            return ""
        if not self.scripts_without_font:
            return "Fonts: reports and pictures can show all common scripts"
        return (
            f"Fonts: none for {', '.join(self.scripts_without_font)}; reports and pictures show names in these "
            "scripts as Unicode numbers (to change this, install fonts such as fonts-noto-core and fonts-noto-cjk)"
        )


def doctor_report(
    *,
    weights_dir: Path | None = None,
    cache_folder: Path | None = None,
    probe: Callable[[], Probe] = run_probe,
) -> DoctorReport:
    """Examine this installation; GPUs are proven in a child process, and TensorFlow is not imported here.

    Args:
        weights_dir: where ImageNet weights are looked for first.
        cache_folder: where features are kept; SKINDESK_CACHE_DIR or the platform's cache folder by default.
        probe: proves the GPUs.
    """
    cache_folder = cache_folder or Path(
        os.environ.get("SKINDESK_CACHE_DIR") or platformdirs.user_cache_path("skindesk")
    )
    versions = {name: _installed(name) for name in PACKAGES}
    devices = describe_devices(probe=probe)
    device = choose_device("auto", devices)
    weights, weights_problem = _weights_at_hand(weights_dir)
    free = shutil.disk_usage(_existing(cache_folder)).free
    problems = [
        *(
            f"{name} is not installed; run `pip install skindesk`."
            for name, v in versions.items()
            if v is None
        ),
        *weights_problem,
        *_shortages(devices, cache_folder, free),
    ]
    return DoctorReport(
        program_version=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} ({platform.machine()})",
        versions=versions,
        devices=devices,
        device=f"{device.reason} Precision: {device.precision}.",
        weights=weights,
        cache_folder=str(cache_folder),
        cache_free_bytes=free,
        scripts_without_font=scripts_without_font(),
        problems=tuple(problems),
    )


def _installed(package: str) -> str | None:
    version = version_of(package)
    return version_of("tensorflow-cpu") if package == "tensorflow" and version is None else version


def _weights_at_hand(weights_dir: Path | None) -> tuple[dict[str, str | None], list[str]]:
    try:
        located = {name: locate_weights(get_backbone(name), weights_dir) for name in OFFERED_BACKBONES}
    except WeightsError as error:
        return dict.fromkeys(OFFERED_BACKBONES), [str(error)]
    return {name: str(path) if path else None for name, path in located.items()}, []


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())


def _shortages(devices: Devices, cache_folder: Path, free: int) -> list[str]:
    problems = []
    if not devices.cpu.avx:
        problems.append("This processor lacks AVX, which TensorFlow needs; use another machine.")
    if devices.memory_bytes < _LITTLE_MEMORY:
        problems.append(
            f"This machine has {file_size(devices.memory_bytes)} of memory, and training "
            "needs at least 4 GiB; lower `cache_mib` and the batch sizes."
        )
    if free < _LITTLE_DISK:
        problems.append(
            f"Only {file_size(free)} of disk space is free for {cache_folder}; free some "
            "space, or choose another folder with the environment variable "
            "SKINDESK_CACHE_DIR."
        )
    if devices.gpus and devices.gpu_reason:
        problems.append(f"The GPU cannot be used: {devices.gpu_reason}.")
    return problems
