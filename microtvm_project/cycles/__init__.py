"""Time on silicon: cycles of a Cortex-M7 or M4 with its memories, from what QEMU executed."""

from microtvm_project.cycles.estimate import Cycles, add
from microtvm_project.cycles.trace import Trace, trace_program

__all__ = ["Cycles", "Trace", "add", "trace_program"]
