"""Loads TensorFlow without its greetings, which it writes to stderr before anyone could turn them off."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile


def load_tensorflow() -> None:
    """Import TensorFlow and look for devices; what it prints is shown only if that fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # On a GPU, take memory as it is needed, so that a second process finds some.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        captured = stack.enter_context(tempfile.TemporaryFile())
        own = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
        except Exception:
            captured.seek(0)
            os.write(own, captured.read())
            raise
        finally:
            os.dup2(own, 2)
            os.close(own)
