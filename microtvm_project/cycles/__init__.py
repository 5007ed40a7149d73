"""A second opinion on time: cycles of a Cortex-M7 or M4, from the instructions that QEMU executed."""

from microtvm_project.cycles.trace import Trace, trace_program

__all__ = ["Trace", "trace_program"]
