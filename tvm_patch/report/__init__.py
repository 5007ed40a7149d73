"""What commands tell people (tables, bars, pictures) and programs (JSON)."""

from tvm_patch.report.models import (
    CompileReport,
    InspectReport,
    OperatorReport,
    RunReport,
    TensorReport,
    inspect_report,
)

__all__ = [
    "CompileReport",
    "InspectReport",
    "OperatorReport",
    "RunReport",
    "TensorReport",
    "inspect_report",
]
