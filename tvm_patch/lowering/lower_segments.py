"""LowerSegments: the integer dialect, scheduled or not, becomes Relax and TIR that stock TVM compiles."""

from __future__ import annotations

import tvm
import tvm_ffi

from relay_passes.extract_graph import graph_of
from relay_passes.straight_line import MAIN
from tvm_patch.errors import PlanError
from tvm_patch.kernels.describe import describe
from tvm_patch.lowering.program import choose_kernels, lower_program
from tvm_patch.lowering.scheduled import Scheduled, is_scheduled, read_schedule
from tvm_patch.lowering.to_vm import program_to_relax
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.targets import TIR, get_target

# Raised through TVM's C++, which calls passes; see relay_passes.straight_line.
tvm_ffi.error.register_error("PlanError", PlanError)


@tvm.transform.module_pass(opt_level=0, name="LowerSegments")
class LowerSegments:
    """Turn every segment into one ``call_tir`` of a PrimFunc: bands, rows on demand, rolling buffers.

    A module that :class:`relay_passes.patch_schedule.PatchSchedule` has not seen is lowered one operator after
    another.  The result is ordinary Relax and TIR: ``tvm.compile(mod, target="llvm")`` builds it.  Inputs whose rows a
    microcontroller would fetch are ordinary tensors here.

    Raises
    ------
    PlanError
        When a segment cannot run, or the module is not the one that its plan was made for.
    """

    def transform_module(self, module: tvm.IRModule, _: tvm.transform.PassContext) -> tvm.IRModule:
        """Lower ``main``; see the class."""
        main = module[MAIN]
        scheduled = read_schedule(module) if is_scheduled(module) else None
        graph = scheduled.graph if scheduled else graph_of(main)
        kernels = choose_kernels(graph, TIR)
        network = describe(graph, kernels, MAIN, TIR)
        if scheduled is None:
            schedule = Schedule.of(network, layer_by_layer(network))
        else:
            _check_plan(scheduled)
            schedule = Schedule.of(network, scheduled.segments, scheduled.input_mode)
        program = lower_program(graph, kernels, schedule)
        lowered = program_to_relax(program)
        if main.attrs:
            lowered[MAIN] = lowered[MAIN].with_attrs(dict(main.attrs.items()))
        return lowered


def _check_plan(scheduled: Scheduled) -> None:
    """Raise PlanError when the plan that a module carries is not the one in which it is scheduled."""
    if scheduled.plan is None:
        return
    # Its costs are those of the kernels that it was made for.
    target, graph = get_target(scheduled.plan.target), scheduled.graph
    network = describe(graph, choose_kernels(graph, target), MAIN, target)
    if scheduled.plan.schedule_for(network).segments != scheduled.segments:
        raise PlanError("tvm_patch.plan: its segments are not those of the module; run PatchSchedule again")
