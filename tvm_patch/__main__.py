"""Entry point of ``python -m tvm_patch``."""

from tvm_patch.cli.app import main

main()
