"""The networks of a bundle, ready to compute: one, or the members of an ensemble."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.metrics.decision import calibrated_probabilities
from trainer.network.network import Network, images_at_once
from trainer.reference.combining import mean_logits
from trainer.runs.bundle import read_bundle
from trainer.runs.ensemble import network_folders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from trainer.runs.bundle import Manifest


class Analysed(NamedTuple):
    """What the networks of a bundle make of n images.

    Attributes:
        logits: float32 (n, c), averaged over views; of an ensemble, the logarithm of the mean of its members' calibrated
            probabilities.
        features: float32 (n, f) at each depth; of an ensemble, those of its second member and so on, and the first
            member's at the end: its last maps are what images are compared by.
        members: calibrated probabilities float64 (n, k, c) of an ensemble's k members; k is 0 for a network by itself.
    """

    logits: NDArray[np.float32]
    features: list[NDArray[np.float32]]
    members: NDArray[np.float64]

    def each(self) -> Iterator[Analysed]:
        """Yield the same of each image by itself, without the first axis."""
        for row in range(len(self.logits)):
            yield Analysed(self.logits[row], [depth[row] for depth in self.features], self.members[row])


class Ready(NamedTuple):
    """A network that is ready.

    Attributes:
        manifest: of its bundle.
        network: in float32, with the bundle's weights.
        analysis: what `Network.analysis` returns.
    """

    manifest: Manifest
    network: Network
    analysis: Any

    @property
    def views(self) -> int:
        """That its logits are averaged over."""
        return self.manifest.config.test_views


class Networks:
    """The networks of a bundle.

    Attributes:
        ready: one, or the members of an ensemble.

    Args:
        bundle: its folder.
        manifest: of the bundle.

    Raises:
        BundleError: the bundle is changed, damaged or incomplete.
    """

    def __init__(self, bundle: Path, manifest: Manifest) -> None:
        self._is_ensemble = bool(manifest.members)
        self.ready = tuple(_ready(folder) for folder in network_folders(bundle, manifest))

    @property
    def at_once(self) -> int:
        """Number of images that are best computed together."""
        return images_at_once(max(ready.views for ready in self.ready))

    def analysed(self, images: NDArray[np.uint8]) -> Analysed:
        """Compute squares uint8 (n, s, s, 3), n at least 1."""
        parts = [
            self._part(images[begin : begin + self.at_once]) for begin in range(0, len(images), self.at_once)
        ]
        return Analysed(
            np.concatenate([part.logits for part in parts]),
            [np.concatenate(depth) for depth in zip(*(part.features for part in parts), strict=True)],
            np.concatenate([part.members for part in parts]),
        )

    def _part(self, images: NDArray[np.uint8]) -> Analysed:
        outputs = [[output.numpy() for output in ready.analysis(images)] for ready in self.ready]
        first_logits, *first_features = outputs[0]
        if not self._is_ensemble:
            return Analysed(
                first_logits, first_features, np.empty((len(first_logits), 0, first_logits.shape[1]))
            )
        # What is not finite is said of the result.
        with np.errstate(invalid="ignore"):
            members = np.stack(
                [
                    calibrated_probabilities(logits, ready.manifest.calibration)
                    for ready, (logits, *_) in zip(self.ready, outputs, strict=True)
                ]
            )
        features = [depth for _, *depths in outputs[1:] for depth in depths]
        return Analysed(mean_logits(members), [*features, *first_features], members.swapaxes(0, 1))


def network_of(manifest: Manifest, arrays: dict[str, NDArray[np.float32]]) -> Network:
    """Rebuild a bundle's network in float32.

    Raises:
        WeightsError: the arrays are not those of the network the manifest describes.
    """
    network = Network(
        manifest.backbone,
        len(manifest.classes),
        manifest.head,
        input_size=manifest.input_size,
        precision="float32",
    )
    network.assign(arrays)
    return network


def _ready(folder: Path) -> Ready:
    manifest, arrays = read_bundle(folder)
    network = network_of(manifest, arrays)
    return Ready(manifest, network, network.analysis(manifest.config.test_views))
