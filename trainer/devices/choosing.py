"""What can be trained on, and why not on the rest. TensorFlow is not imported here.

A GPU is offered only after a child process (`trainer.compute.proving`) has multiplied, convolved and trained one step on
it: a driver that crashes or hangs then costs that child and nothing else. TensorFlow has GPU support on Linux
and in WSL2 (https://www.tensorflow.org/install/pip).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import psutil

from trainer.devices.children import own_command, own_environment
from trainer.devices.hardware import (
    INSTALL_GPU,
    Cpu,
    Gpu,
    describe_cpu,
    find_gpus,
    missing_libraries,
    obstacle,
)
from trainer.errors import DeviceError
from trainer.stored import UnreadableError, decoded
from trainer.wording import file_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.config import DeviceChoice, Precision
    from trainer.events import StopRequest

FinalPrecision: TypeAlias = Literal["float32", "bfloat16", "float16"]

PROBE_SECONDS = 300.0
"""A first start on a GPU newer than TensorFlow's build compiles its kernels, which takes minutes."""

_LOOK_SECONDS = 0.5  # between two looks at whether to go on waiting

_FLOAT16_FROM = (7, 0)  # compute capability of the first GPUs with tensor cores
_BFLOAT16_FROM = (8, 0)


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """What this machine can train on.

    Attributes:
        cpu: the processor.
        memory_bytes: main memory.
        memory_available_bytes: of it, what is free to be used.
        gpus: NVIDIA's GPUs, in TensorFlow's order where it sees them.
        gpu_reason: why no GPU can be used, and what to do; empty when one can.
    """

    cpu: Cpu
    memory_bytes: int
    memory_available_bytes: int
    gpus: tuple[Gpu, ...]
    gpu_reason: str

    @property
    def usable_gpus(self) -> tuple[Gpu, ...]:
        """The GPUs that have been proven to work."""
        return tuple(gpu for gpu in self.gpus if gpu.usable)

    def describe(self) -> str:
        """Return a few lines for a terminal."""
        half = "with" if self.cpu.bfloat16 else "without"
        lines = [
            f"CPU: {self.cpu.name}, {self.cpu.threads} threads, {half} bfloat16",
            f"Memory: {file_size(self.memory_bytes)}, {file_size(self.memory_available_bytes)} free",
        ]
        for gpu in self.gpus:
            facts = [gpu.name]
            if gpu.memory_mib is not None:
                facts.append(f"{gpu.memory_mib:,} MiB")
            if gpu.compute_capability is not None:
                facts.append("compute capability {}.{}".format(*gpu.compute_capability))
            if gpu.driver:
                facts.append(f"driver {gpu.driver}")
            facts.append("works" if gpu.usable else (gpu.note or "cannot be used"))
            lines.append(f"GPU: {', '.join(facts)}")
        if self.gpu_reason:
            lines.append(f"No GPU: {self.gpu_reason}")
        return "\n".join(lines)


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """The device to compute on.

    Attributes:
        kind: `cpu` or `gpu`.
        name: of the processor or the GPUs.
        reason: a sentence: what was chosen and why.
        precision: the fastest that is safe on it.
        gpus: which of TensorFlow's GPUs may be used, by their place in its list; empty on the CPU.
        compute_capability: the lowest among the GPUs, where known.
    """

    kind: Literal["cpu", "gpu"]
    name: str
    reason: str
    precision: FinalPrecision
    gpus: tuple[int, ...] = ()
    compute_capability: tuple[int, int] | None = None


class ProbedGpu(msgspec.Struct, frozen=True, kw_only=True):
    """What the child process found out about one GPU.

    Attributes:
        name: as TensorFlow tells it.
        compute_capability: where TensorFlow tells it.
        error: what failed on it; empty where all went well.
    """

    name: str
    compute_capability: tuple[int, int] | None = None
    error: str = ""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What the child process found out.

    Attributes:
        gpus: those that TensorFlow sees, in its order.
        error: a sentence on how the child itself failed; empty where it finished.
    """

    gpus: tuple[ProbedGpu, ...] = ()
    error: str = ""


_PROBE = msgspec.json.Decoder(Probe)


def run_probe(
    *, command: Sequence[str] = (), seconds: float = PROBE_SECONDS, stop: StopRequest | None = None
) -> Probe:
    """Prove the GPUs in a child process; the result reports a crash or a hang of it, too.

    Args:
        command: to start, by default `trainer gpu-probe`; it prints a `Probe` as one line of JSON.
        seconds: after which the child and its children are killed.
        stop: ends them earlier.

    Raises:
        StoppedError: on request.
    """
    try:
        # An own session, so that what the child starts can be killed with it.
        child = subprocess.Popen(  # noqa: S603 - our own command
            command or own_command("gpu-probe"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=own_environment(TF_CPP_MIN_LOG_LEVEL="3"),
            start_new_session=True,
        )
    except OSError as error:
        return Probe(error=f"could not be started ({error.strerror})")
    with child:
        try:
            output = _output(child, seconds, stop)
        except BaseException:
            _kill(child)
            raise
    if output is None:
        return Probe(error=f"did not finish within {seconds:g} seconds")
    for line in reversed(output.splitlines()):
        with contextlib.suppress(UnreadableError):
            return decoded(line, _PROBE.decode)
    return Probe(error=_ending(child.returncode))


def _output(child: subprocess.Popen[bytes], seconds: float, stop: StopRequest | None) -> bytes | None:
    """Return what a child prints until its end; `None` if it had to be killed because of the time."""
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        try:
            return child.communicate(timeout=max(0.0, min(left, _LOOK_SECONDS)))[0]
        except subprocess.TimeoutExpired:
            if stop is not None:
                stop.raise_if_asked()
            if left <= 0:
                _kill(child)
                return None


def describe_devices(*, probe: Callable[[], Probe] | None = run_probe, root: Path = Path("/")) -> Devices:
    """Find out what the machine has; takes seconds where there is a GPU to be proven, and no time otherwise.

    Args:
        probe: proves the GPUs that TensorFlow sees; `None` to skip that, and offer none.
        root: where `proc`, `sys` and `dev` are.
    """
    memory = psutil.virtual_memory()
    gpus = find_gpus(root)
    reason = obstacle(gpus, root)
    if not reason and probe is None:
        reason = "it has not been tried yet"
    if not reason and probe is not None:
        gpus, reason = _proven(gpus, probe())
    return Devices(
        cpu=describe_cpu(root),
        memory_bytes=memory.total,
        memory_available_bytes=memory.available,
        gpus=gpus,
        gpu_reason=reason,
    )


def choose_device(choice: DeviceChoice, devices: Devices | None = None, *, task: str = "Training") -> Device:
    """Choose what to compute on.

    Args:
        choice: `auto` takes the GPUs that work and otherwise the CPU.
        devices: of this machine; looked for where not given (for `cpu` without starting anything).
        task: what is to be done, the word that `Device.reason` begins with.

    Raises:
        DeviceError: `gpu` was requested and none works; the message says why and what to do.
    """
    if choice == "cpu":
        return _cpu_device(devices.cpu if devices else describe_cpu(Path("/")), task, "as requested")
    devices = devices or describe_devices()
    usable = [index for index, gpu in enumerate(devices.gpus) if gpu.usable]
    if choice == "auto" and not usable:
        return _cpu_device(devices.cpu, task, f"because no GPU can be used: {devices.gpu_reason}")
    if not usable:
        raise DeviceError(f"No GPU can be used: {devices.gpu_reason}; choose the CPU instead.")
    gpus = [devices.gpus[index] for index in usable]
    name = " and ".join(gpu.name for gpu in gpus)
    capability = min((gpu.compute_capability or (0, 0)) for gpu in gpus)
    return Device(
        kind="gpu",
        name=name,
        reason=f"{task} on {name}, which passed its test.",
        precision="float16" if capability >= _FLOAT16_FROM else "float32",
        gpus=tuple(usable),
        compute_capability=capability,
    )


def _cpu_device(cpu: Cpu, task: str, why: str) -> Device:
    return Device(
        kind="cpu",
        name=cpu.name,
        reason=f"{task} on the CPU ({cpu.name}), {why}.",
        precision="bfloat16" if cpu.bfloat16 else "float32",
    )


def resolve_precision(precision: Precision, device: Device) -> FinalPrecision:
    """Return the precision to compute in.

    Args:
        precision: `auto` is bfloat16 on a CPU that has it, float16 on GPUs from compute capability 7.0 on,
            and float32 elsewhere.
        device: that computes.

    Raises:
        DeviceError: the device cannot compute in the asked-for precision, or only to its disadvantage.
    """
    if precision == "auto":
        return device.precision
    capability = device.compute_capability or (0, 0)
    if precision == "float16" and device.kind == "cpu":
        raise DeviceError("A CPU cannot train in float16; choose bfloat16, float32 or auto.")
    needed = {"float16": _FLOAT16_FROM, "bfloat16": _BFLOAT16_FROM}.get(precision, (0, 0))
    if device.kind == "gpu" and capability < needed:
        raise DeviceError(
            f"{device.name} (compute capability {capability[0]}.{capability[1]}) has no fast {precision}, for "
            f"which {needed[0]}.{needed[1]} is needed; choose float32 or auto."
        )
    return precision


def _proven(found: tuple[Gpu, ...], probe: Probe) -> tuple[tuple[Gpu, ...], str]:
    """Return the GPUs as TensorFlow sees them, and why none can be used if that is so."""
    if probe.error:
        return found, f"the test on the GPU {probe.error}; update the driver, or train on the CPU"
    if not probe.gpus:
        missing = missing_libraries()
        if missing:
            return found, f"CUDA libraries are missing ({', '.join(missing)}); {INSTALL_GPU}"
        return (
            found,
            "TensorFlow sees no GPU; check CUDA_VISIBLE_DEVICES, update the driver, or see `nvidia-smi`",
        )
    rest = list(found)
    gpus = []
    for seen in probe.gpus:
        known = next((gpu for gpu in rest if gpu.name == seen.name), None)
        if known is not None:
            rest.remove(known)
        gpus.append(
            Gpu(
                name=seen.name,
                memory_mib=known.memory_mib if known else None,
                compute_capability=seen.compute_capability or (known.compute_capability if known else None),
                driver=known.driver if known else "",
                usable=not seen.error,
                note=f"failed its test: {seen.error}" if seen.error else "",
            )
        )
    failed = [gpu for gpu in gpus if not gpu.usable]
    reason = f"{failed[0].name} {failed[0].note}; update the driver" if len(failed) == len(gpus) else ""
    return tuple(gpus), reason


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End a child that is still running, and what it started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()


def _ending(status: int) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"crashed ({signal.Signals(-status).name})"
    return f"ended with status {status} and no answer"
