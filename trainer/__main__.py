"""`python -m trainer`: the command line."""

from __future__ import annotations

import sys

from trainer.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
