"""TFLite's operators, a file a family: all that is said of an operator before it is Relax."""

import importlib
import pkgutil

from tvm_patch.tflite.operators.base import OPERATORS, Grids, TfliteOperator, use_of

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # runs its `register` lines

__all__ = ["OPERATORS", "Grids", "TfliteOperator", "use_of"]
