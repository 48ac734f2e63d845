"""What a run saves, and what it goes back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trainer.errors import CheckpointError
from trainer.events import CheckpointSaved, Warned
from trainer.runs.state import decode_state

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.config import StageName
    from trainer.events import EpochEnded, Listener, PartMetrics
    from trainer.network.network import Network
    from trainer.runs.checkpoint import Checkpoint, CheckpointStore
    from trainer.runs.folder import RunFolder
    from trainer.runs.state import RunState
    from trainer.training.stepping import Stepper


def of_network(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a checkpoint that are the network's."""
    return {name: array for name, array in arrays.items() if name.startswith(("backbone.", "head."))}


def figure(validation: PartMetrics, metric: str) -> float:
    """Return the figure that chooses the best epoch, larger is better."""
    if metric == "loss":
        return -validation.loss
    if metric == "accuracy":
        return validation.accuracy
    if metric.startswith("recall_"):
        return validation.recall.get(metric.removeprefix("recall_"), 0.0)
    return validation.macro_recall


def best_checkpoint(
    checkpoints: CheckpointStore, state: RunState, metric: str, listener: Listener
) -> Checkpoint | None:
    """Read the checkpoint of the best epoch so far.

    Where it is damaged, the best of the epochs whose checkpoints are whole takes its place, in `state` as well, and a
    `Warned` event says so.

    Returns:
        `None` where there is no such epoch, so that the next one will be the best.
    """
    try:
        return checkpoints.load_best()
    except CheckpointError as error:
        trouble = str(error).rstrip(".")
    chosen: Checkpoint | None = None
    best: EpochEnded | None = None
    for checkpoint in checkpoints.whole():
        then = decode_state(checkpoint.state)
        # In the middle of an epoch nothing has been validated.
        if then.step or not then.history:
            continue
        last = then.history[-1]
        if best is None or figure(last.validation, metric) > figure(best.validation, metric):
            chosen, best = checkpoint, last
    checkpoints.replace_best(chosen)
    state.best_value = None if best is None else figure(best.validation, metric)
    state.best_stage, state.best_epoch = ("", 0) if best is None else (best.stage, best.epoch)
    state.history = [
        msgspec.structs.replace(
            epoch, best=(epoch.stage, epoch.epoch) == (state.best_stage, state.best_epoch)
        )
        for epoch in state.history
    ]
    instead = (
        "the best of the remaining epochs will be kept"
        if best is None
        else f"epoch {best.epoch} of stage {best.stage} replaces it until there is a better one"
    )
    listener(Warned(message=f"{trouble}; {instead}."))
    return chosen


class Saving:
    """Saves and restores the checkpoints of a run.

    Args:
        network: of the run.
        folder: of the run.
        checkpoints: of the run.
        state: of the run, saved with each checkpoint.
        metric: that chooses the best epoch.
        listener: receives an event for each.
    """

    def __init__(
        self,
        network: Network,
        folder: RunFolder,
        checkpoints: CheckpointStore,
        state: RunState,
        metric: str,
        listener: Listener,
    ) -> None:
        self._network, self._folder, self._checkpoints = network, folder, checkpoints
        self._state, self._metric, self._listener = state, metric, listener

    def save(self, stepper: Stepper, name: StageName, *, best: bool = False) -> None:
        """Save a checkpoint in a stage."""
        named = self._network.named_variables()
        # The backbone of a head stage is as it was at the start, and saved there.
        arrays = {key: v.numpy() for key, v in named if name != "head" or key.startswith("head.")}
        arrays |= {key: v.numpy() for key, v in self._network.dropout_states()}
        arrays |= stepper.arrays()
        step = int(stepper.optimizer.iterations.numpy())
        path = self._checkpoints.save(arrays, msgspec.json.encode(self._state), step=step, best=best)
        self._listener(CheckpointSaved(path=str(path)))

    def restore(self, stepper: Stepper, arrays: dict[str, NDArray[Any]]) -> None:
        """Set optimizer, averages and random states to those of a checkpoint of the stage that is resumed."""
        state = self._state
        stepper.restore(arrays)
        for key, variable in self._network.dropout_states():
            variable.assign(arrays[key])
        if state.loss_scale is not None:
            stepper.loss_scale, stepper.finite_steps = state.loss_scale, state.finite_steps
            stepper.bad_steps = state.bad_steps

    def return_to_best(self, stepper: Stepper) -> None:
        """Give the network the weights of the best epoch so far, over all stages.

        Raises:
            CheckpointError: no checkpoint of an epoch is whole.
        """
        checkpoint = best_checkpoint(self._checkpoints, self._state, self._metric, self._listener)
        if checkpoint is None:
            raise CheckpointError(
                f"No checkpoint in {self._checkpoints.folder} can be used; check the disk and start a new run."
            )
        self._folder.write_history(self._state.history)
        initial = self._folder.initial_checkpoint().load_latest(self._listener)
        arrays = dict(initial.arrays) if initial is not None else self._network.arrays()
        self._network.assign(arrays | of_network(checkpoint.arrays))
        stepper.assign_averages(checkpoint.arrays)
