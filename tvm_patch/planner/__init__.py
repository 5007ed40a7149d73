"""Planning of memory over a small network description; imports no TVM."""

from tvm_patch.planner.arena.buffers import ArenaPlan, Buffer, Overlap
from tvm_patch.planner.arena.solver import plan_arena
from tvm_patch.planner.arena.verify import verify_plan
from tvm_patch.planner.network import Lifetime, Network, OperatorDesc, TensorDesc, Window

__all__ = [
    "ArenaPlan",
    "Buffer",
    "Lifetime",
    "Network",
    "OperatorDesc",
    "Overlap",
    "TensorDesc",
    "Window",
    "plan_arena",
    "verify_plan",
]
