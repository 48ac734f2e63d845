"""One colour for each class, everywhere: plain data, safe for colour-blind eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CLASS_COLOURS: dict[str, str] = {
    "akiec": "#9C5799",
    "bcc": "#D18303",
    "bkl": "#366D58",
    "df": "#899863",
    "mel": "#AF3B19",
    "nv": "#4F94F5",
    "vasc": "#784CFC",
}
"""Found by search: any two differ by 25 or more in CIELAB for normal, protanopic, deuteranopic and tritanopic
eyes (simulated as in Machado et al. 2009); the palette of Okabe and Ito reaches 16. Each has a contrast of
3:1 or more to white."""

MORE_COLOURS = ("#374559", "#5E2399", "#DE27D2", "#7E2522")
"""For other classes: differ by 18 or more from the above and from each other, by the same measure."""

HEAT = ("#440154", "#3B528B", "#21918C", "#5EC962", "#FDE725")
"""From little to much: quarters of matplotlib's viridis. Its green and yellow stand out from skin and from pigment, and
lightness alone says which is more."""


def class_colour(class_name: str, classes: Sequence[str]) -> str:
    """Return the colour of a class as `#RRGGBB`: HAM10000's own, or one that its place in the list gives.

    Args:
        class_name: one of `classes`; upper and lower case are the same.
        classes: all classes of the network or dataset, in any order.
    """
    known = CLASS_COLOURS.get(class_name.casefold())
    if known is not None:
        return known
    named = {name.casefold() for name in classes}
    others = sorted(named - CLASS_COLOURS.keys())
    unused = [colour for name, colour in CLASS_COLOURS.items() if name not in named]
    colours = [*unused, *MORE_COLOURS]
    return colours[others.index(class_name.casefold()) % len(colours)]
