"""The table of operators: its entries agree with TFLite's schema and with each other."""

from __future__ import annotations

import pytest
import tflite

from tests.unit.relay_passes.models import EDGES, OURS_ONLY, STOCK_TOO, single
from tvm_patch.tflite.operators import OPERATORS
from tvm_patch.tflite.schema import OPERATOR_CODES
from tvm_patch.tflite.use import Role

UNIONS = {number: name for name, number in vars(tflite.BuiltinOptions).items() if isinstance(number, int)}


def test_every_operator_has_a_model_in_the_tests():
    builds = {**STOCK_TOO, **OURS_ONLY, **EDGES}.values()
    kinds = {op.kind for build in builds for op in single(build).operators}
    assert kinds == set(OPERATORS) - {"SHAPE"}  # SHAPE is folded away wherever it may stand


@pytest.mark.parametrize("kind", OPERATORS)
def test_entries_agree_with_the_schema(kind):
    operator = OPERATORS[kind]
    assert operator.kind == kind
    assert kind in OPERATOR_CODES
    if operator.options is not None:
        table = getattr(tflite, UNIONS[operator.options.union_type])
        offsets = {n for n in vars(table) if n[0].isupper() and not n.startswith(("GetRoot", "Init"))}
        for field in operator.options.fields:
            name = "".join(word[0].upper() + word[1:] for word in field.name.split("_"))
            assert name in offsets, f"{UNIONS[operator.options.union_type]} has no {name}: {sorted(offsets)}"
        slots = [field.slot for field in operator.options.fields]
        assert len(set(slots)) == len(slots)


def test_roles_and_arity():
    assert OPERATORS["CONV_2D"].arity == (2, 3)
    assert OPERATORS["CONV_2D"].roles(2) == (Role.DATA, Role.WEIGHT)
    least, most = OPERATORS["CONCATENATION"].arity
    assert (least, OPERATORS["CONCATENATION"].roles(3)) == (1, (Role.DATA,) * 3)
    assert most > 1000
    weighted = {k for k, o in OPERATORS.items() if o.weighted}
    assert weighted == {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"}
