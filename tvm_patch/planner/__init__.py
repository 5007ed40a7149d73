"""Planning of memory and order over a small network description; imports no TVM."""

from tvm_patch.planner.network import Lifetime, Network, OperatorDesc, TensorDesc, Window

__all__ = ["Lifetime", "Network", "OperatorDesc", "TensorDesc", "Window"]
