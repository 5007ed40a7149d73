"""The whole chain behind the command line: compile a model, run it, check it against the reference."""

from tvm_patch.driver.analyse import Analysis, LayerMemory, analyse
from tvm_patch.driver.artifact import Artifact
from tvm_patch.driver.check import CheckResult, check, random_inputs
from tvm_patch.driver.compile import compile
from tvm_patch.driver.plan import Planned, PlanSource, plan

__all__ = [
    "Analysis",
    "Artifact",
    "CheckResult",
    "LayerMemory",
    "PlanSource",
    "Planned",
    "analyse",
    "check",
    "compile",
    "plan",
    "random_inputs",
]
