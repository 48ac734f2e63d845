"""SkinDesk's window: everything that is seen and clicked. The work is done by `trainer`, in child processes."""

import sys

if sys.version_info < (3, 12):
    import ctypes

    # PySide6 6.12.0 gives up a reference to None at every call that returns nothing, and one to True or False at
    # every signal that carries it, without having them: after some ten thousand calls Python 3.11 dies of
    # "deallocating None". From 3.12 on these objects cannot be lost.
    for _constant in (None, True, False, NotImplemented, ...):
        ctypes.c_ssize_t.from_address(id(_constant)).value += 1 << 40
