"""Planning of memory over a small network description; imports no TVM."""

from tvm_patch.planner.arena import plan_arena
from tvm_patch.planner.buffers import ArenaPlan, Buffer, Overlap
from tvm_patch.planner.network import Lifetime, Network, OperatorDesc, TensorDesc, Window
from tvm_patch.planner.verify import verify_plan

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
