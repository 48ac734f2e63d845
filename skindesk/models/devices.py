"""What this machine can train on, found out in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from trainer.protocol.scoring import DevicesFound, LookAtDevices

if TYPE_CHECKING:
    from skindesk.engine.jobs import JobQueue, Outcome
    from trainer.devices.choosing import Devices

_MIB_PER_GB = 1000**3 / 2**20


class DevicesModel(QObject):
    """The devices of this machine, once they are known.

    Attributes:
        devices: `None` until they are known.

    Signals:
        changed: they are known now.
    """

    changed = Signal()

    def __init__(self, queue: JobQueue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self.devices: Devices | None = None
        self._failure = ""

    def look(self) -> None:
        """Find out; the answer comes with `changed`."""
        handle = self._queue.submit(LookAtDevices(), self.tr("Looking for GPUs"))
        handle.ended.connect(self._found)

    def _found(self, outcome: Outcome) -> None:
        if isinstance(outcome.result, DevicesFound):
            self.devices = outcome.result.devices
        else:
            self._failure = outcome.message
        self.changed.emit()

    @property
    def gpu(self) -> bool:
        """Whether a GPU has proven to work."""
        return self.devices is not None and bool(self.devices.usable_gpus)

    @property
    def gpu_memory_mib(self) -> int | None:
        """Memory of the smallest usable GPU, MiB, where known."""
        if self.devices is None:
            return None
        return min((gpu.memory_mib for gpu in self.devices.usable_gpus if gpu.memory_mib), default=None)

    @property
    def line(self) -> str:
        """What will be trained on, in a few words: "NVIDIA RTX 4070, 12 GB" or "CPU, 2 threads"."""
        if self.devices is None:
            return self._failure or self.tr("Looking for GPUs…")
        if self.gpu:
            names = []
            for gpu in self.devices.usable_gpus:
                memory = f", {gpu.memory_mib / _MIB_PER_GB:.0f} GB" if gpu.memory_mib else ""
                names.append(f"{gpu.name}{memory}")
            return " + ".join(names)
        threads = self.devices.cpu.threads
        words = self.tr("CPU, 1 thread") if threads == 1 else self.tr("CPU, {threads} threads")
        return words.format(threads=threads)

    @property
    def reason(self) -> str:
        """Why no GPU can be used, and what to do; empty where one can or nothing is known yet."""
        if self.devices is None or self.gpu:
            return ""
        reason = self.devices.gpu_reason
        return self.tr("No GPU: {reason}").format(reason=reason) if reason else ""
