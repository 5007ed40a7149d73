"""TVM's builder of loops, loaded when the first function is printed.

What describes a kernel, its windows and its scratch, needs no TVM: a search for networks asks for nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class _Module:
    """A module that is imported when something of it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


T: Any = _Module("tvm.script.ir_builder.tirx")
"""TVM's own name for it."""
ir_builder: Any = _Module("tvm.script.ir_builder")
tirx: Any = _Module("tvm.tirx")
sym: Any = _Module("tvm.sym")
