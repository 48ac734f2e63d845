"""Settings of images: how they become squares, and how training changes them at random."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from trainer.config.declaring import About
from trainer.config.types import Resampling, Settings, Shape


class Geometry(Settings, frozen=True):
    """How a rectangle becomes the network's square."""

    shape: Annotated[
        Shape,
        About(
            "Shape",
            "How a rectangular image becomes a square: cut out its centre, add black borders, or stretch it.",
            "geometry",
            choices=(
                ("centre-square", "Centre square"),
                ("pad", "Black borders"),
                ("squash", "Stretched"),
            ),
        ),
    ] = "centre-square"
    resampling: Annotated[
        Resampling,
        About(
            "Resampling",
            "The filter that scales images to the network's input size.",
            "geometry",
            choices=(("bilinear", "Bilinear"), ("bicubic", "Bicubic"), ("lanczos", "Lanczos")),
        ),
    ] = "bilinear"


class Augmentation(Settings, frozen=True):
    """Random changes of training images; 0 or false turns one off.

    Shares are of the side (`shift`), of the size (`zoom`: 0.2 is 0.8 to 1.25 times), of the full range of pixels
    (`brightness`), of the distance from the image's mean (`contrast`), and of the saturation (`colour`).
    """

    flip_horizontal: Annotated[
        bool, About("Flip left and right", "Mirror half of the images left to right.", "augmentation")
    ] = True
    flip_vertical: Annotated[
        bool,
        About(
            "Flip up and down",
            "Flip half of the images upside down. Lesions have no natural orientation.",
            "augmentation",
        ),
    ] = True
    rotation: Annotated[
        float,
        Meta(ge=0.0, le=180.0),
        About("Rotation", "Largest rotation in either direction.", "augmentation", unit="°", editor="slider"),
    ] = 180.0
    shift: Annotated[
        float,
        Meta(ge=0.0, le=0.5),
        About(
            "Shift",
            "Largest shift along each side, as a share of that side.",
            "augmentation",
            unit="%",
            scale=100,
            editor="slider",
        ),
    ] = 0.08
    zoom: Annotated[
        float,
        Meta(ge=0.0, le=0.8),
        About(
            "Zoom",
            "Largest change of scale, in or out.",
            "augmentation",
            unit="%",
            scale=100,
            editor="slider",
        ),
    ] = 0.2
    brightness: Annotated[
        float,
        Meta(ge=0.0, le=0.8),
        About(
            "Brightness",
            "Largest change of brightness.",
            "augmentation",
            unit="%",
            scale=100,
            editor="slider",
        ),
    ] = 0.1
    contrast: Annotated[
        float,
        Meta(ge=0.0, le=0.8),
        About(
            "Contrast", "Largest change of contrast.", "augmentation", unit="%", scale=100, editor="slider"
        ),
    ] = 0.15
    colour: Annotated[
        float,
        Meta(ge=0.0, le=0.8),
        About(
            "Colour",
            "Largest change of saturation; hue changes by a tenth as much.",
            "augmentation",
            unit="%",
            scale=100,
            editor="slider",
        ),
    ] = 0.15
