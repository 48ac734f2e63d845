"""Whether the ImageNet weights of the backbones are at hand: looked for in a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from trainer.backbones import OFFERED
from trainer.devices.weights_at_hand import locate_weights

if TYPE_CHECKING:
    from pathlib import Path

_BYTES_PER_NUMBER = 4


@dataclass(frozen=True)
class WeightsState:
    """Where the ImageNet weights of a backbone are.

    Attributes:
        path: of the file; `None` if they are not on this machine.
        can_fetch: whether this machine has a network to fetch them by.
        download_bytes: about how much would be fetched.
    """

    path: Path | None
    can_fetch: bool
    download_bytes: int


def find_weights_states(folder: Path | None) -> dict[str, WeightsState]:
    """Return the state for each backbone on offer.

    Args:
        folder: looked in first.

    Raises:
        WeightsError: the folder, or the one of the environment variable, does not exist.
    """
    network = _has_network()
    return {
        backbone.name: WeightsState(
            locate_weights(backbone, folder), network, backbone.parameters * _BYTES_PER_NUMBER
        )
        for backbone in OFFERED
    }


def _has_network() -> bool:
    """Whether any connection but the machine to itself is up; what lies behind it is not tried."""
    addresses = psutil.net_if_addrs()
    return any(
        state.isup and not all(a.address.startswith(("127.", "::1")) for a in addresses.get(name, []))
        for name, state in psutil.net_if_stats().items()
        if name != "lo"
    )
