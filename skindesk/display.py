"""Whether there is a screen to open a window on, found out without Qt, which ends the process if there is none."""

from __future__ import annotations

import ctypes
import os
import sys

_NO_SCREEN = (
    "There is no screen to open a window on. Start the demo without one by `python -m trainer demo`, "
    "or set DISPLAY or WAYLAND_DISPLAY."
)
_LIBRARIES = (
    ("libxcb-cursor.so.0", "libxcb-cursor0"),
    ("libxcb-icccm.so.4", "libxcb-icccm4"),
    ("libxcb-image.so.0", "libxcb-image0"),
    ("libxcb-keysyms.so.1", "libxcb-keysyms1"),
    ("libxcb-render-util.so.0", "libxcb-render-util0"),
    ("libxcb-shape.so.0", "libxcb-shape0"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
    ("libEGL.so.1", "libegl1"),
)
"""What Qt's X11 plugin loads, and Debian's packages that hold it."""


def missing_display() -> str:
    """Return why no window can be opened and what to do, in one sentence; empty where one can."""
    if sys.platform != "linux":
        return ""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform.split(":")[0] in {"offscreen", "minimal", "vnc", "linuxfb", "eglfs"}:
        return ""
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        return _NO_SCREEN
    if os.environ.get("WAYLAND_DISPLAY"):
        return ""
    missing = [package for name, package in _LIBRARIES if not _loads(name)]
    if missing:
        return (
            f"Libraries that a window needs are missing: {', '.join(missing)}. On Debian or Ubuntu install "
            f"them with `apt-get install {' '.join(missing)}`."
        )
    return "" if _display_answers() else _NO_SCREEN


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _display_answers() -> bool:
    """Whether the X server that DISPLAY names lets us in; where that cannot be asked, Qt will find out."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    failed = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not failed
