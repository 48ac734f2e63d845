"""Where a run is: what a checkpoint holds beside its arrays."""

from __future__ import annotations

import msgspec

from trainer.devices.choosing import FinalPrecision
from trainer.errors import CheckpointError
from trainer.events import EpochEnded
from trainer.stored import UnreadableError, decoded

STATE_VERSION = 1


class RunState(msgspec.Struct, kw_only=True):
    """Where a run is, apart from the numbers in its arrays.

    Attributes:
        version: of this structure.
        fingerprint: of the dataset and its split.
        precision: chosen at the start; a resumed run keeps it.
        stage: index in the configuration's stages.
        epoch: epochs of the stage that are done.
        step: optimizer steps of the current epoch that are done.
        epochs_before: epochs of earlier stages.
        loss_sum, weight_sum, confusion: of the current epoch so far.
        epoch_seconds: spent on the current epoch so far.
        best_value, best_stage, best_epoch: of the best epoch so far, over all stages.
        stage_best, waited: best of this stage, and epochs since it.
        rate_factor, rate_waited: of a schedule that reduces on plateaus.
        loss_scale, finite_steps, bad_steps: see `trainer.training.stepping.Stepper`.
        history: every epoch that is done.
    """

    version: int = STATE_VERSION
    fingerprint: str
    precision: FinalPrecision
    stage: int = 0
    epoch: int = 0
    step: int = 0
    epochs_before: int = 0
    loss_sum: float = 0.0
    weight_sum: float = 0.0
    confusion: list[list[int]] = []
    epoch_seconds: float = 0.0
    best_value: float | None = None
    best_stage: str = ""
    best_epoch: int = 0
    stage_best: float | None = None
    waited: int = 0
    rate_factor: float = 1.0
    rate_waited: int = 0
    loss_scale: float | None = None
    finite_steps: int = 0
    bad_steps: int = 0
    history: list[EpochEnded] = []

    def begin_epoch(self, classes: int) -> None:
        """Forget the sums of the epoch before."""
        self.step, self.loss_sum, self.weight_sum, self.epoch_seconds = 0, 0.0, 0.0, 0.0
        self.confusion = [[0] * classes for _ in range(classes)]

    def begin_stage(self, index: int) -> None:
        """Move on to another stage."""
        self.epochs_before += self.epoch
        self.stage, self.epoch, self.step = index, 0, 0
        self.stage_best, self.waited, self.rate_factor, self.rate_waited = None, 0, 1.0, 0
        self.loss_scale, self.finite_steps, self.bad_steps, self.confusion = None, 0, 0, []


_DECODER = msgspec.json.Decoder(RunState)


def decode_state(content: bytes) -> RunState:
    """Read a state from a checkpoint.

    Raises:
        CheckpointError: not a state, or a newer one.
    """
    try:
        state = decoded(content, _DECODER.decode)
    except UnreadableError as error:
        raise CheckpointError(f"The checkpoint's state cannot be read: {error}.") from error
    if state.version > STATE_VERSION:
        raise CheckpointError("The checkpoint was written by a newer SkinDesk; update this program.")
    return state
