"""OrderOperators: the run order that needs less memory."""

from __future__ import annotations

import tvm

from relay_passes.extract_graph import extract_graph
from relay_passes.reorder_bindings import ReorderBindings
from tvm_patch.lowering.module_network import describe_module
from tvm_patch.planner.search.order import better_order, other_orders
from tvm_patch.targets import Target
from tvm_patch.tvm_types import IRModule, Pass, PassContext


@tvm.transform.module_pass(opt_level=0, name="OrderOperators")
class OrderOperators:
    """Run the branches and heads of a legalized module one after the other, where that needs less memory.

    See :func:`tvm_patch.planner.search.order.better_order`.  Indices of operators in plans are those after this pass.

    Parameters
    ----------
    target : Target
        Whose kernels' scratch counts.
    """

    def __init__(self, target: Target) -> None:
        self.target = target

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module with its bindings in the better order, or as it was."""
        # Most networks have one order; only the others are described, which takes a moment.
        if not other_orders(extract_graph(module)):
            return module
        order = better_order(describe_module(module, self.target))
        if order is None:
            return module
        reorder: Pass = ReorderBindings(order)
        return reorder(module)
