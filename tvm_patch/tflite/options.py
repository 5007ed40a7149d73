"""Read the options of an operator by its table."""

from __future__ import annotations

from math import isfinite
from typing import Any

from tvm_patch.errors import ModelFormatError
from tvm_patch.tflite.flatbuffer import Table
from tvm_patch.tflite.operators import OPERATORS
from tvm_patch.tflite.schema import OperatorField, OptionField


def read_options(kind: str, operator: Table) -> dict[str, Any]:
    """Return the options of `operator`.

    Parameters
    ----------
    kind : str
        The operator's kind.
    operator : Table
        The operator in the file.

    Returns
    -------
    dict
        See :attr:`tvm_patch.tflite.model.Operator.options`.  Every option of the kind is there, at the
        schema's default where the file has no options at all; empty for kinds without a table.

    Raises
    ------
    ModelFormatError
        The options are of another kind, missing where the operator needs them, or out of range.
    """
    facts = OPERATORS.get(kind)
    if facts is None or facts.options is None:
        return {}
    what = f"the options of {operator.what} ({kind})"
    union_type = operator.integer(OperatorField.OPTIONS_TYPE, "uint8")
    if union_type not in (0, facts.options.union_type):
        raise ModelFormatError(f"corrupt: {what} belong to another kind of operator")
    table = operator.table(OperatorField.OPTIONS, what) if union_type else None
    if table is None:
        if facts.required:
            raise ModelFormatError(f"corrupt: {what} are missing")
        return {field.name: _default(field) for field in facts.options.fields}
    return {field.name: _read(table, field, what) for field in facts.options.fields}


def _default(field: OptionField) -> Any:
    return field.names[field.default] if field.names else field.default


def _read(table: Table, field: OptionField, what: str) -> Any:
    """Return one option as a plain value."""
    if field.kind == "float32":
        real = table.real(field.slot, field.default)
        if not isfinite(real):
            raise ModelFormatError(f"corrupt: {field.name} in {what} is {real}")
        return real
    if field.kind == "int32s":
        return table.indices(field.slot, f"{field.name} in {what}")
    value = table.integer(field.slot, field.kind, int(field.default))
    if field.names:
        if not 0 <= value < len(field.names):
            raise ModelFormatError(f"corrupt: {field.name} in {what} is {value}, which has no meaning")
        return field.names[value]
    if field.kind == "bool":
        return bool(value)
    if field.minimum is not None and value < field.minimum:
        raise ModelFormatError(f"corrupt: {field.name} in {what} is {value}")
    return value
