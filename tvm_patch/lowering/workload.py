"""An operator as MetaSchedule's databases know it: a workload, and a schedule that says which config was chosen.

Our kernels print their own loops, so a workload is an empty block with an attribute that says what the operator's time
depends on, and a schedule draws every parameter of the kernel and writes it beside the block.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import tvm
from tvm.s_tir import Schedule
from tvm.script.ir_builder import IRBuilder

from tvm_patch.kernels.base import Kernel
from tvm_patch.tir import T

ATTRIBUTE = "tvm_patch.workload"
CORE = "core"
"""Key of the core on which it was measured, in a workload's text."""
CYCLES_OF = "cycles_of"
"""Key of the core or board whose cycles were counted, where it was not instructions."""
_BLOCK = "operator"
PREFIX = "tvm_patch."
_STEPS = ("strides", "dilation", "padding")

Config = Mapping[str, Any]


def workload_text(kernel: Kernel, core: str, cycles_of: str | None = None) -> str:
    """Return what an operator's time depends on, as JSON: kernel, shapes, steps and traits, no values.

    Parameters
    ----------
    kernel : Kernel
        The operator's.
    core : str
        What runs it; see :attr:`tvm_patch.targets.Target.tuned_on`.
    cycles_of : str, optional
        The core or board whose cycles count, where instructions do not.
    """
    op = kernel.op
    weight = op.constants.get("weight")
    document = {
        CORE: core,
        "kernel": type(kernel).__name__,
        "inputs": [list(v.shape) for v in op.inputs],
        "outputs": [list(v.shape) for v in op.outputs],
        **({"weight": list(weight.shape)} if weight is not None else {}),
        **{k: [int(v) for v in op.attrs[k]] for k in _STEPS if k in op.attrs},
        **kernel.traits,
        **({CYCLES_OF: cycles_of} if cycles_of else {}),
    }
    return json.dumps(document, sort_keys=True)


def workload_module(text: str) -> tvm.IRModule:
    """Return the workload that stands for such operators."""
    with IRBuilder() as builder, T.prim_func(), T.sblock(_BLOCK):
        T.reads()
        T.writes()
        T.evaluate(0)
    function = builder.get().with_attr({ATTRIBUTE: text, "s_tir": True, "global_symbol": "main"})
    return tvm.IRModule({"main": function})


def knobs_of(candidates: Sequence[Config]) -> dict[str, list[int]]:
    """Return the values of every parameter, ascending; truth values are 0 and 1."""
    return {k: sorted({int(c[k]) for c in candidates}) for k in sorted(candidates[0])}


def schedule_of(module: tvm.IRModule, knobs: Mapping[str, Sequence[int]], config: Config) -> Schedule:
    """Return the schedule that draws a config."""
    schedule = Schedule(module, seed=1)
    block = schedule.get_sblock(_BLOCK)
    for name, values in knobs.items():
        share = [1.0 / len(values)] * len(values)
        drawn = schedule.sample_categorical(list(values), share, decision=values.index(int(config[name])))
        schedule.annotate(block, PREFIX + name, drawn)
    return schedule


def config_of(module: tvm.IRModule) -> dict[str, int]:
    """Return the config that a schedule wrote into its module.

    Raises
    ------
    ValueError
        When the module has no such block.
    """
    schedule = Schedule(module)
    notes = schedule.get(schedule.get_sblock(_BLOCK)).annotations
    found = {str(k).removeprefix(PREFIX): int(v) for k, v in notes.items() if str(k).startswith(PREFIX)}
    if not found:
        raise ValueError("the schedule chooses no config")
    return found


def text_of(module: tvm.IRModule) -> str:
    """Return a workload's text.

    Raises
    ------
    ValueError
        When it is not one of ours.
    """
    function = module.functions_items()[0][1] if len(module.functions) == 1 else None
    text = function.attrs.get(ATTRIBUTE) if function is not None and function.attrs else None
    if text is None:
        raise ValueError("it holds a workload that tvm-patch did not write")
    return str(text)
