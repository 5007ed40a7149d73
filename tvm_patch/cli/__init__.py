"""The ``tvm-patch`` command: one file per command; errors become one line and an exit code in ``app``."""

from tvm_patch.cli.app import main

__all__ = ["main"]
