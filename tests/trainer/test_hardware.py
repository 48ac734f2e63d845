"""What the system and NVIDIA's driver say, read from real files and a real program."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from trainer.devices.hardware import (
    Gpu,
    describe_cpu,
    find_gpus,
    missing_libraries,
    obstacle,
    version_of,
)

if TYPE_CHECKING:
    from pathlib import Path

RTX = Gpu(name="NVIDIA GeForce RTX 4070", memory_mib=12282, compute_capability=(8, 9), driver="550.54.14")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def nvidia_smi(tools: Path, script: str) -> None:
    (tools / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (tools / "nvidia-smi").chmod(0o755)


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")


@pytest.mark.parametrize(
    ("flags", "bfloat16"),
    [
        ("flags\t\t: fpu sse2 avx avx512_bf16", True),
        ("flags\t\t: fpu avx amx_bf16 amx_tile", True),
        ("Features\t: fp asimd bf16 i8mm", True),
        ("flags\t\t: fpu avx avx512f", False),
    ],
)
def test_the_processor_is_described_from_its_flags(tmp_path: Path, flags: str, bfloat16: bool) -> None:
    write(tmp_path / "proc/cpuinfo", f"processor\t: 0\nmodel name\t: A Processor  \n{flags}\n")
    cpu = describe_cpu(tmp_path)
    assert cpu.name == "A Processor"
    assert cpu.bfloat16 is bfloat16
    assert cpu.threads >= 1


def test_a_processor_without_avx_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    write(tmp_path / "proc/cpuinfo", "flags\t\t: fpu sse2\n")
    assert not describe_cpu(tmp_path).avx
    write(tmp_path / "proc/cpuinfo", "flags\t\t: fpu avx\n")
    assert describe_cpu(tmp_path).avx


def test_a_system_that_tells_nothing_still_has_a_processor(tmp_path: Path) -> None:
    cpu = describe_cpu(tmp_path)
    assert cpu.name
    assert not cpu.bfloat16
    assert cpu.avx  # not known to be missing


def test_gpus_are_asked_of_the_driver(tools: Path, tmp_path: Path) -> None:
    nvidia_smi(
        tools,
        "echo 'NVIDIA GeForce RTX 4070, 12282, 8.9, 550.54.14'; echo 'NVIDIA X, [N/A], [N/A], 550.54.14'",
    )
    assert find_gpus(tmp_path) == (RTX, Gpu(name="NVIDIA X", driver="550.54.14"))


@pytest.mark.parametrize(
    "script", ["exit 9", "echo 'NVIDIA-SMI has failed because it could not communicate'"]
)
def test_a_driver_that_does_not_answer_leaves_its_files(tools: Path, tmp_path: Path, script: str) -> None:
    nvidia_smi(tools, script)
    assert find_gpus(tmp_path) == ()
    write(
        tmp_path / "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu\n",
    )
    write(
        tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0/information",
        "Model: \t\t NVIDIA T4\nIRQ:   \t\t 1\n",
    )
    assert find_gpus(tmp_path) == (Gpu(name="NVIDIA T4", driver="550.54.14"),)


@pytest.mark.usefixtures("linux")
def test_each_obstacle_has_its_words(tmp_path: Path) -> None:
    assert obstacle((), tmp_path) == "no NVIDIA GPU was found"
    assert obstacle((RTX,), tmp_path) == ""

    write(tmp_path / "proc/version", "Linux version 5.15.0-microsoft-standard-WSL2")
    assert "it needs WSL2" in obstacle((), tmp_path)

    write(tmp_path / "sys/bus/pci/devices/0000:00:1f.3/vendor", "0x10de\n")
    write(tmp_path / "sys/bus/pci/devices/0000:00:1f.3/class", "0x040300\n")  # the sound of a GPU
    assert "its driver does not respond" not in obstacle((), tmp_path)
    write(tmp_path / "sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
    write(tmp_path / "sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n")
    assert "its driver does not respond; install the driver" in obstacle((), tmp_path)


def test_other_systems_are_told_where_gpus_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    assert "run SkinDesk in WSL2" in obstacle((RTX,), tmp_path)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert "on Linux and in WSL2" in obstacle((), tmp_path)


def test_versions_are_read_without_importing() -> None:
    assert version_of("numpy")
    assert version_of("no-such-package-anywhere") is None


def test_missing_cuda_libraries_are_those_that_tensorflow_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(name: str, *requirements: str) -> None:
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
        lines += [f"Requires-Dist: {text}" for text in requirements]
        write(tmp_path / f"{name.replace('-', '_')}-1.0.dist-info" / "METADATA", "\n".join(lines))

    monkeypatch.syspath_prepend(str(tmp_path))
    install("a-library-at-hand")
    install(
        "tensorflow",
        "no-library-of-cuda>=1.26",
        'a-library-at-hand<2.0,>=1.0; extra == "and-cuda"',
        'a-library-that-is-missing==12.5.82; extra == "and-cuda"',
        'another[extra]~=9.3; extra == "and-cuda"',
    )
    assert missing_libraries() == ["a-library-that-is-missing", "another"]
