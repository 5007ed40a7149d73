"""The board side: builds firmware around an artifact and runs it on the host, in QEMU or on a board.

It knows artifacts (folders of C and a ``metadata.json``) and boards; it never imports the compiler.
"""

from microtvm_project.artifact import CompiledModel, load_artifact
from microtvm_project.boards import BOARDS, Board, Memory, get_board
from microtvm_project.build import Firmware, FirmwareOverflowError, build_firmware
from microtvm_project.run import RunResult, run, run_firmware

__all__ = [
    "BOARDS",
    "Board",
    "CompiledModel",
    "Firmware",
    "FirmwareOverflowError",
    "Memory",
    "RunResult",
    "build_firmware",
    "get_board",
    "load_artifact",
    "run",
    "run_firmware",
]
