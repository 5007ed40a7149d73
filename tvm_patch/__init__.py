"""tvm-patch: patch-by-patch int8 inference for microcontrollers, as an extension to Apache TVM."""

from __future__ import annotations

from typing import Any

from tvm_patch.version import __version__ as __version__


def __getattr__(name: str) -> Any:
    """Load the compiler on first use: importing the planner or the integer arithmetic needs no TVM."""
    if name in ("Artifact", "compile", "plan"):
        from tvm_patch import driver

        return getattr(driver, name)
    if name == "Session":
        from tvm_patch.driver.session import Session

        return Session
    if name == "Plan":
        from tvm_patch.planner.plan import Plan

        return Plan
    if name == "Request":
        from tvm_patch.planner.choose import Request

        return Request
    raise AttributeError(f"module 'tvm_patch' has no attribute {name!r}")
