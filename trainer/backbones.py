"""The registry of backbones: sizes, preprocessing, named blocks, official weights files.

Sources: Inception-v3, Szegedy et al. 2016 (arXiv:1512.00567); Xception, Chollet 2017 (arXiv:1610.02357);
ResNet-50 v2, He et al. 2016 (arXiv:1603.05027); DenseNet-121, Huang et al. 2017 (arXiv:1608.06993). Sizes,
scaling and weights files are those of `keras.applications`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from trainer.config import OFFERED_BACKBONES, BackboneName
from trainer.errors import ConfigError

Scaling: TypeAlias = Literal["minus-one-to-one", "imagenet-statistics"]

_KERAS_ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications"


class Block(msgspec.Struct, frozen=True):
    """A named part of a backbone, from which on it can be fine-tuned.

    Attributes:
        name: as used in the setting `from_block`.
        at: the block begins with the first layer whose name starts with this.
        after: or, where layers carry numbers that change from build to build, with the layer after this one.
    """

    name: str
    at: str = ""
    after: str = ""


class Depth(msgspec.Struct, frozen=True):
    """A place inside a backbone whose maps are looked at, for evidence and for what an image has in common with others.

    Attributes:
        name: as stored in bundles and shown to users.
        layer: a layer of the Keras model by name; names that carry numbers from build to build are not used.
        at: which of its tensors.
    """

    name: str
    layer: str
    at: Literal["input", "output"] = "input"


class Backbone(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a backbone without building it.

    Attributes:
        name: as in settings.
        title: as in its paper.
        default_size: side of the square it was trained on, pixels.
        minimum_size: smallest side `keras.applications` accepts, pixels.
        features: number of channels of its last layer.
        parameters: number of numbers in it, statistics of normalization included.
        scaling: how uint8 pixels become its input: to [-1, 1], or to [0, 1] and then by ImageNet's mean and
            standard deviation of each channel.
        blocks: in order from input to output; the first is the whole backbone.
        depths: two places from input to output, the second where maps are twice as fine as the last ones; the last
            maps come on top of them.
        keras_file: official name of its ImageNet weights without top.
        keras_url: where Keras offers that file.
        keras_md5: hash that Keras publishes for it.
    """

    name: BackboneName
    title: str
    default_size: int
    minimum_size: int
    features: int
    parameters: int
    scaling: Scaling
    blocks: tuple[Block, ...]
    depths: tuple[Depth, Depth]
    keras_file: str = ""
    keras_url: str = ""
    keras_md5: str = ""

    def check_size(self, size: int) -> int:
        """Return `size` if the backbone can take squares of that side, in pixels.

        Raises:
            ConfigError: too small.
        """
        if size < self.minimum_size:
            raise ConfigError(
                f"{self.title} needs images of at least {self.minimum_size} x {self.minimum_size} pixels, "
                f"not {size}; raise `input_size`."
            )
        return size

    def block(self, name: str) -> Block:
        """Return a block by name (`all`: the first).

        Raises:
            ConfigError: no such block.
        """
        if name == "all":
            return self.blocks[0]
        for block in self.blocks:
            if block.name == name:
                return block
        names = ", ".join(block.name for block in self.blocks)
        raise ConfigError(f"{self.title} has no block '{name}'; choose all or one of {names}.")


def _official(folder: str, stem: str) -> tuple[str, str]:
    file = f"{stem}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return file, f"{_KERAS_ADDRESS}/{folder}/{file}"


_INCEPTION_FILE, _INCEPTION_URL = _official("inception_v3", "inception_v3")
_XCEPTION_FILE, _XCEPTION_URL = _official("xception", "xception")
_RESNET_FILE, _RESNET_URL = _official("resnet", "resnet50v2")
_DENSENET_FILE, _DENSENET_URL = _official("densenet", "densenet121")

REGISTRY: dict[BackboneName, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="inceptionv3",
            title="InceptionV3",
            default_size=299,
            minimum_size=75,
            features=2048,
            parameters=21_802_784,
            scaling="minus-one-to-one",
            blocks=(
                Block("stem"),
                Block("mixed0", after="max_pooling2d_stem"),
                *(Block(f"mixed{k}", after=f"mixed{k - 1}") for k in range(1, 11)),
            ),
            depths=(Depth("mixed2", "mixed2", "output"), Depth("mixed7", "mixed7", "output")),
            keras_file=_INCEPTION_FILE,
            keras_url=_INCEPTION_URL,
            keras_md5="bcbd6486424b2319ff4ef7d526e38f63",
        ),
        Backbone(
            name="xception",
            title="Xception",
            default_size=299,
            minimum_size=71,
            features=2048,
            parameters=20_861_480,
            scaling="minus-one-to-one",
            blocks=tuple(Block(f"block{k}", at=f"block{k}_") for k in range(1, 15)),
            depths=(Depth("block4", "block5_sepconv1_act"), Depth("block12", "block13_sepconv1_act")),
            keras_file=_XCEPTION_FILE,
            keras_url=_XCEPTION_URL,
            keras_md5="b0042744bf5b25fce3cb969f33bebb97",
        ),
        Backbone(
            name="resnet50v2",
            title="ResNet50V2",
            default_size=224,
            minimum_size=32,
            features=2048,
            parameters=23_564_800,
            scaling="minus-one-to-one",
            blocks=tuple(Block(f"conv{k}", at=f"conv{k}_") for k in range(1, 6)),
            # Its groups of blocks end with the halving: the last block of conv4 gives maps as coarse as those of conv5.
            depths=(Depth("conv3", "conv4_block1_preact_bn"), Depth("conv4", "conv4_block6_preact_bn")),
            keras_file=_RESNET_FILE,
            keras_url=_RESNET_URL,
            keras_md5="fac2f116257151a9d068a22e544a4917",
        ),
        Backbone(
            name="densenet121",
            title="DenseNet121",
            default_size=224,
            minimum_size=32,
            features=1024,
            parameters=7_037_504,
            scaling="imagenet-statistics",
            blocks=tuple(Block(f"conv{k}", at=f"conv{k}_") for k in range(1, 6)),
            depths=(Depth("conv3", "pool3_bn"), Depth("conv4", "pool4_bn")),
            keras_file=_DENSENET_FILE,
            keras_url=_DENSENET_URL,
            keras_md5="30ee3e1110167f948a6b9946edeeb738",
        ),
        Backbone(
            name="tiny",
            title="Tiny (for tests)",
            default_size=32,
            minimum_size=32,
            features=32,
            parameters=1_280,
            scaling="minus-one-to-one",
            blocks=(Block("block1", at="block1_"), Block("block2", at="block2_")),
            depths=(Depth("stem", "block1_bn"), Depth("block1", "block2_sepconv")),
        ),
    )
}

OFFERED: tuple[Backbone, ...] = tuple(REGISTRY[name] for name in OFFERED_BACKBONES)
"""What users can choose from."""


def get_backbone(name: BackboneName) -> Backbone:
    """Return what is known of a backbone."""
    return REGISTRY[name]
