"""SkinDesk's window: everything that is seen and clicked. The work is done by `trainer`, in child processes."""

import sys

if sys.version_info < (3, 12):
    import ctypes

    # PySide6 6.12.0 gives up a reference to None at every call that returns nothing, without having one: after
    # some ten thousand calls Python 3.11 dies of "deallocating None". From 3.12 on None cannot be lost.
    ctypes.c_ssize_t.from_address(id(None)).value += 1 << 40
