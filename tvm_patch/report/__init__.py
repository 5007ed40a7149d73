"""What commands tell people (tables, bars, pictures) and programs (JSON)."""

from tvm_patch.report.make import compile_report, inspect_report, run_report
from tvm_patch.report.models import (
    CompileReport,
    InspectReport,
    OperatorMemory,
    OperatorReport,
    OperatorRun,
    RunReport,
    SegmentReport,
    TensorReport,
)

__all__ = [
    "CompileReport",
    "InspectReport",
    "OperatorMemory",
    "OperatorReport",
    "OperatorRun",
    "RunReport",
    "SegmentReport",
    "TensorReport",
    "compile_report",
    "inspect_report",
    "run_report",
]
