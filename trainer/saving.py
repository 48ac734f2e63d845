"""What a run saves, and what it goes back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trainer.events import CheckpointSaved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.checkpoint import CheckpointStore
    from trainer.config import StageName
    from trainer.events import Listener
    from trainer.network import Network
    from trainer.runs import RunFolder, RunState
    from trainer.stepping import Stepper


def of_network(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a checkpoint that are the network's."""
    return {name: array for name, array in arrays.items() if name.startswith(("backbone.", "head."))}


class Saving:
    """The checkpoints of a run that goes on.

    Args:
        network: of the run.
        folder: of the run.
        checkpoints: of the run.
        state: of the run, saved with each checkpoint.
        listener: hears of each.
    """

    def __init__(
        self,
        network: Network,
        folder: RunFolder,
        checkpoints: CheckpointStore,
        state: RunState,
        listener: Listener,
    ) -> None:
        self._network, self._folder, self._checkpoints = network, folder, checkpoints
        self._state, self._listener = state, listener

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
        """Set optimizer, averages and random states to those of a checkpoint of the stage that goes on."""
        state = self._state
        stepper.restore(arrays)
        for key, variable in self._network.dropout_states():
            variable.assign(arrays[key])
        if state.loss_scale is not None:
            stepper.loss_scale, stepper.finite_steps = state.loss_scale, state.finite_steps
            stepper.bad_steps = state.bad_steps

    def return_to_best(self, stepper: Stepper) -> None:
        """Give the network the weights of the best epoch so far, over all stages."""
        checkpoint = self._checkpoints.load_best()
        if checkpoint is None:
            return
        initial = self._folder.initial_checkpoint().load_latest(self._listener)
        arrays = dict(initial.arrays) if initial is not None else self._network.arrays()
        self._network.assign(arrays | of_network(checkpoint.arrays))
        stepper.assign_averages(checkpoint.arrays)
