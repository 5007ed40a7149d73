"""Planning of memory over a small network description; imports no TVM."""

from tvm_patch.planner.arena import plan_arena
from tvm_patch.planner.buffers import Alias, ArenaPlan, Buffer, Inside, Overlap
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.verify import verify_plan

__all__ = [
    "Alias",
    "ArenaPlan",
    "Buffer",
    "Inside",
    "Network",
    "OperatorDesc",
    "Overlap",
    "plan_arena",
    "verify_plan",
]
