"""Devices: found, proven in a child process that may die of it, chosen, and refused in words."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from trainer.devices.choosing import (
    Device,
    Devices,
    Probe,
    ProbedGpu,
    choose_device,
    describe_devices,
    resolve_precision,
    run_probe,
)
from trainer.devices.hardware import Cpu, Gpu
from trainer.errors import DeviceError, StoppedError
from trainer.events import StopRequest

CPU = Cpu(name="A Processor", threads=8, bfloat16=True)
PLAIN_CPU = Cpu(name="An Old Processor", threads=2, bfloat16=False)
T4 = Gpu(name="Tesla T4", memory_mib=15360, compute_capability=(7, 5), driver="550.1", usable=True)
PASCAL = Gpu(name="GTX 1080", memory_mib=8192, compute_capability=(6, 1), driver="550.1", usable=True)
NO_GPU = "no NVIDIA GPU was found"


def machine(*gpus: Gpu, cpu: Cpu = CPU, reason: str = "") -> Devices:
    return Devices(
        cpu=cpu,
        memory_bytes=16 * 2**30,
        memory_available_bytes=8 * 2**30,
        gpus=gpus,
        gpu_reason=reason or ("" if gpus else NO_GPU),
    )


# --------------------------------------------------------------------------------------------- choosing


def test_auto_takes_a_gpu_that_works_and_says_so() -> None:
    device = choose_device("auto", machine(T4))
    assert (device.kind, device.name, device.gpus, device.precision) == ("gpu", "Tesla T4", (0,), "float16")
    assert device.reason == "Training on Tesla T4, which passed its test."


def test_auto_takes_the_cpu_otherwise_and_says_why() -> None:
    device = choose_device("auto", machine())
    assert (device.kind, device.name, device.gpus, device.precision) == ("cpu", "A Processor", (), "bfloat16")
    assert device.reason == f"Training on the CPU (A Processor), because no GPU can be used: {NO_GPU}."


def test_the_cpu_is_taken_when_asked_for() -> None:
    device = choose_device("cpu", machine(T4, cpu=PLAIN_CPU))
    assert (device.kind, device.precision) == ("cpu", "float32")
    assert device.reason == "Training on the CPU (An Old Processor), as requested."


def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error_with_the_reason() -> None:
    with pytest.raises(DeviceError) as caught:
        choose_device("gpu", machine())
    assert str(caught.value) == f"No GPU can be used: {NO_GPU}; choose the CPU instead."


def test_gpus_that_failed_are_passed_over_and_the_weakest_sets_the_precision() -> None:
    broken = Gpu(name="Broken", note="failed its test: out of memory")
    device = choose_device("gpu", machine(broken, T4, PASCAL))
    assert device.gpus == (1, 2)
    assert device.name == "Tesla T4 and GTX 1080"
    assert device.compute_capability == (6, 1)
    assert device.precision == "float32"


def test_choosing_the_cpu_asks_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n: > {tmp_path / 'asked'}\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choose_device("cpu").kind == "cpu"
    assert not (tmp_path / "asked").exists()


# -------------------------------------------------------------------------------------------- precision


def chosen(gpu: Gpu | None = None, cpu: Cpu = CPU) -> Device:
    return choose_device("auto", machine(*([gpu] if gpu else []), cpu=cpu))


@pytest.mark.parametrize(
    ("device", "wish", "got"),
    [
        (chosen(), "auto", "bfloat16"),
        (chosen(cpu=PLAIN_CPU), "auto", "float32"),
        (chosen(cpu=PLAIN_CPU), "bfloat16", "bfloat16"),
        (chosen(), "float32", "float32"),
        (chosen(T4), "auto", "float16"),
        (chosen(T4), "float32", "float32"),
        (chosen(PASCAL), "auto", "float32"),
        (chosen(msgspec.structs.replace(T4, compute_capability=(8, 0))), "bfloat16", "bfloat16"),
    ],
)
def test_precision_follows_the_wish_and_the_device(device: Device, wish: str, got: str) -> None:
    assert resolve_precision(wish, device) == got


@pytest.mark.parametrize(
    ("device", "wish", "said"),
    [
        (chosen(), "float16", "A CPU cannot train in float16; choose bfloat16, float32 or auto."),
        (chosen(PASCAL), "float16", "GTX 1080 (compute capability 6.1) has no fast float16, for which 7.0"),
        (chosen(T4), "bfloat16", "Tesla T4 (compute capability 7.5) has no fast bfloat16, for which 8.0"),
    ],
)
def test_a_precision_that_the_device_lacks_is_an_error(device: Device, wish: str, said: str) -> None:
    with pytest.raises(DeviceError) as caught:
        resolve_precision(wish, device)
    assert str(caught.value).startswith(said)


# ---------------------------------------------------------------------------------------------- finding


@pytest.fixture
def with_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a Linux machine whose driver knows two GPUs."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "nvidia-smi").write_text(
        "#!/bin/sh\necho 'GTX 1080, 8192, 6.1, 550.1'\necho 'Tesla T4, 15360, 7.5, 550.1'\n"
    )
    (tools / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    return tmp_path


def test_gpus_are_offered_in_tensorflows_order_after_their_proof(with_driver: Path) -> None:
    probe = Probe(
        gpus=(
            ProbedGpu(name="Tesla T4", compute_capability=(7, 5)),
            ProbedGpu(name="GTX 1080", error="out of memory"),
        )
    )
    devices = describe_devices(probe=lambda: probe, root=with_driver)
    assert devices.usable_gpus == (T4,)
    assert [gpu.name for gpu in devices.gpus] == ["Tesla T4", "GTX 1080"]
    assert devices.gpu_reason == ""
    assert "GPU: Tesla T4, 15,360 MiB, compute capability 7.5, driver 550.1, works" in devices.describe()
    assert "failed its test: out of memory" in devices.describe()


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (Probe(error="crashed (SIGSEGV)"), "the test on the GPU crashed (SIGSEGV); update the driver"),
        (Probe(error="did not finish within 300 seconds"), "the test on the GPU did not finish within 300"),
        (
            Probe(gpus=(ProbedGpu(name="GTX 1080", error="a convolution came out wrong"),)),
            "GTX 1080 failed its test: a convolution came out wrong; update the driver",
        ),
    ],
)
def test_a_gpu_that_fails_its_proof_is_not_offered(with_driver: Path, probe: Probe, said: str) -> None:
    devices = describe_devices(probe=lambda: probe, root=with_driver)
    assert devices.usable_gpus == ()
    assert devices.gpu_reason.startswith(said)
    assert choose_device("auto", devices).kind == "cpu"
    with pytest.raises(DeviceError, match="No GPU can be used"):
        choose_device("gpu", devices)


def test_a_driver_without_cudas_libraries_says_what_to_install(with_driver: Path) -> None:
    reason = describe_devices(probe=Probe, root=with_driver).gpu_reason
    assert "pip install 'skindesk[gpu]'" in reason or reason.startswith("TensorFlow sees no GPU")


def test_without_a_gpu_nothing_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(platform, "system", lambda: "Linux")

    def probe() -> Probe:
        raise AssertionError

    devices = describe_devices(probe=probe, root=tmp_path)
    assert devices.gpu_reason == NO_GPU
    assert devices.memory_bytes > devices.memory_available_bytes > 0


def test_this_machine_can_be_described_without_tensorflow() -> None:
    code = (
        "import sys; from trainer.devices.choosing import describe_devices;"
        "print(describe_devices(probe=None).describe());"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("CPU: ")
    assert done.stdout.endswith("set()\n")


# ---------------------------------------------------------------------------------------------- proving


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_the_childs_answer_is_found_among_noise() -> None:
    answer = Probe(gpus=(ProbedGpu(name="Tesla T4", compute_capability=(7, 5)),))
    line = msgspec.json.encode(answer).decode()
    assert run_probe(command=python(f"print('hello'); print({line!r}); print('bye')")) == answer


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed (SIGSEGV)"),
        ("import sys; sys.exit(3)", "ended with status 3 and no answer"),
        ("print('{\"gpus\": 7}')", "ended with status 0 and no answer"),
    ],
)
def test_a_child_that_dies_costs_only_its_answer(code: str, said: str) -> None:
    assert run_probe(command=python(code)) == Probe(error=said)


def test_a_child_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    code = (
        "import pathlib, signal, subprocess, sys;"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']);"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid));"
        "signal.pause()"
    )
    assert run_probe(command=python(code), seconds=2) == Probe(error="did not finish within 2 seconds")
    grandchild = int((tmp_path / "pid").read_text())
    status = Path(f"/proc/{grandchild}/stat")
    while status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] not in "ZX":
        os.sched_yield()


def test_a_child_that_hangs_can_be_stopped() -> None:
    stop = StopRequest()
    stop.ask()
    with pytest.raises(StoppedError):
        run_probe(command=python("import signal; signal.pause()"), stop=stop)


def test_a_child_that_cannot_be_started_is_told_of(tmp_path: Path) -> None:
    probe = run_probe(command=(str(tmp_path / "nothing"),))
    assert probe.error == "could not be started (No such file or directory)"
