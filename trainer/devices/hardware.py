"""What is known of the processor and the GPUs, and what prevents the use of these.

Files of the system and the driver's own program are read; nothing is tried here. TensorFlow has GPU support on
Linux and in WSL2 (https://www.tensorflow.org/install/pip).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

INSTALL_GPU = "install them with `pip install 'skindesk[gpu]'`"

_QUERY_SECONDS = 20.0
_NVIDIA_VENDOR = "0x10de"
_DISPLAY_CLASS = "0x03"
_BFLOAT16_FLAGS = frozenset(("avx512_bf16", "amx_bf16", "bf16"))  # x86, x86, ARM


class Cpu(msgspec.Struct, frozen=True, kw_only=True):
    """The processor.

    Attributes:
        name: as the system tells it.
        threads: that this process may use.
        bfloat16: whether it computes in bfloat16 itself; without that bfloat16 is slower than float32.
        avx: whether it has AVX, without which TensorFlow does not start on x86.
    """

    name: str
    threads: int
    bfloat16: bool
    avx: bool = True


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """A graphics processor of NVIDIA.

    Attributes:
        name: as the driver tells it.
        memory_mib: its memory, MiB, where known.
        compute_capability: NVIDIA's version of its abilities, where known.
        driver: version of the driver, where known.
        usable: whether it has been proven to work with TensorFlow.
        note: why it is not usable; empty where it is, or where `Devices.gpu_reason` says it.
    """

    name: str
    memory_mib: int | None = None
    compute_capability: tuple[int, int] | None = None
    driver: str = ""
    usable: bool = False
    note: str = ""


def describe_cpu(root: Path) -> Cpu:
    """Describe the processor; `root` is where `proc` is."""
    text = _text(root / "proc" / "cpuinfo")
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = set(re.findall(r"\w+", " ".join(re.findall(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE))))
    x86 = platform.machine().lower() in {"x86_64", "amd64"}
    return Cpu(
        name=name.group(1).strip() if name else platform.processor() or platform.machine(),
        threads=_threads(),
        bfloat16=bool(flags & _BFLOAT16_FLAGS),
        avx="avx" in flags or not x86 or not flags,
    )


def _threads() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def find_gpus(root: Path) -> tuple[Gpu, ...]:
    """Return the GPUs that NVIDIA's driver knows of, none of them proven; `root` is where `proc` is."""
    return _query_nvidia_smi() or _driver_files(root)


def obstacle(gpus: tuple[Gpu, ...], root: Path) -> str:
    """Return a sentence on what prevents the use of a GPU, before anything has been tried.

    Args:
        gpus: what `find_gpus` has found.
        root: where `proc` and `sys` are.

    Returns:
        Words without a full stop, with what to do; empty if nothing is known to be in the way.
    """
    system = platform.system()
    if system == "Windows":
        return (
            "TensorFlow does not support GPUs on native Windows; run SkinDesk in WSL2 "
            "(https://learn.microsoft.com/windows/wsl/install)"
        )
    if system != "Linux":
        return "TensorFlow supports only NVIDIA GPUs, on Linux and in WSL2"
    if not gpus:
        return _why_none_is_seen(root)
    if version_of("tensorflow") is None and version_of("tensorflow-cpu") is not None:
        return f"this TensorFlow (tensorflow-cpu) has no CUDA support; {INSTALL_GPU}"
    return ""


def _why_none_is_seen(root: Path) -> str:
    if _has_nvidia_hardware(root):
        return (
            "there is an NVIDIA GPU, but its driver does not respond; install the driver "
            "(https://www.nvidia.com/drivers), or give the container access to the GPU"
        )
    if "microsoft" in _text(root / "proc/version").lower():
        return "WSL finds no NVIDIA GPU; it needs WSL2 (`wsl --status`), an NVIDIA GPU and its Windows driver"
    return "no NVIDIA GPU was found"


def missing_libraries() -> list[str]:
    """Return the packages with CUDA's libraries that TensorFlow names and that are not installed."""
    from importlib import metadata

    try:
        requirements = metadata.requires("tensorflow") or []
    except metadata.PackageNotFoundError:
        return ["tensorflow"]
    wanted = [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in requirements if "and-cuda" in text]
    return [name for name in wanted if version_of(name) is None]


def version_of(package: str) -> str | None:
    """Return the version of an installed package, `None` if it is not installed; it is not imported."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _query_nvidia_smi() -> tuple[Gpu, ...]:
    # WSL2 keeps the driver's program where no PATH looks.
    command = shutil.which("nvidia-smi") or shutil.which("nvidia-smi", path="/usr/lib/wsl/lib")
    if command is None:
        return ()
    fields = "name,memory.total,compute_cap,driver_version"
    try:
        done = subprocess.run(  # noqa: S603 - a program of the driver
            [command, f"--query-gpu={fields}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=_QUERY_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    return tuple(
        Gpu(
            name=row[0],
            memory_mib=int(row[1]) if row[1].isdecimal() else None,
            compute_capability=_capability(row[2]),
            driver=row[3],
        )
        for row in rows
        if len(row) == fields.count(",") + 1
    )


def _capability(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d+)\.(\d+)", text)
    return (int(match.group(1)), int(match.group(2))) if match else None


def _driver_files(root: Path) -> tuple[Gpu, ...]:
    driver = re.search(r"Kernel Module\s+(?:for \S+\s+)?([\d.]+)", _text(root / "proc/driver/nvidia/version"))
    texts = [_text(path) for path in sorted(root.glob("proc/driver/nvidia/gpus/*/information"))]
    models = [re.search(r"^Model:\s*(.+)$", text, re.MULTILINE) for text in texts]
    return tuple(
        Gpu(name=model.group(1).strip(), driver=driver.group(1) if driver else "")
        for model in models
        if model
    )


def _has_nvidia_hardware(root: Path) -> bool:
    return any(
        _text(device / "vendor").strip() == _NVIDIA_VENDOR
        and _text(device / "class").strip().startswith(_DISPLAY_CLASS)
        for device in root.glob("sys/bus/pci/devices/*")
    )
