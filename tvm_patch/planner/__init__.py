"""Planning of memory over a small network description; imports no TVM."""

from tvm_patch.planner.arena.buffers import ArenaPlan, Buffer, Overlap
from tvm_patch.planner.arena.solver import plan_arena
from tvm_patch.planner.arena.verify import verify_plan
from tvm_patch.planner.network import Network, OperatorDesc

__all__ = [
    "ArenaPlan",
    "Buffer",
    "Network",
    "OperatorDesc",
    "Overlap",
    "plan_arena",
    "verify_plan",
]
