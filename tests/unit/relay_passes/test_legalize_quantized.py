"""LegalizeQuantized as a pass: forms, names, records and refusals; exactness is in test_rules."""

from __future__ import annotations

import numpy as np
import pytest
import tvm
from tvm import relax

from relay_passes.extract_graph import extract_graph
from relay_passes.interface import GRIDS, interface_of, load_grids
from relay_passes.legalize_quantized import LegalizeQuantized
from relay_passes.pipeline import PIPELINE, legalization_passes
from relay_passes.straight_line import FunctionBuilder, constant, replace_main
from tests.unit.relay_passes.builders import assert_same, conv, lookup, module, var
from tests.unit.relay_passes.models import STOCK_TOO, file_of, our_import, single, stock_import
from tvm_patch.errors import UnsupportedError
from tvm_patch.integer import conv_multipliers

DATA = (1, 5, 6, 3)


def scale(value):
    return relax.const(value, "float32")


def zero(value):
    return relax.const(value, "int32")


def dq(data, s=0.5, z=-5):
    return relax.op.dequantize(data, scale(s), zero(z), axis=0)


def q(data, s=0.25, z=7, dtype="int8"):
    return relax.op.quantize(data, scale(s), zero(z), axis=0, out_dtype=dtype)


def qdq(params, write):
    """Return a module of nested QDQ expressions; the builder does not take nesting, TVM's own does."""
    bb = relax.BlockBuilder()
    with bb.function("main", params):
        with bb.dataflow():
            out = bb.emit_output(write(bb))
        bb.emit_func_output(out)
    return bb.get()


def weights():
    return np.arange(2 * 3 * 3 * 3).reshape(2, 3, 3, 3).astype(np.int8)


def test_convolution_before_and_after():
    x = var("x", DATA)

    def write(bb):
        w = relax.op.dequantize(constant(weights().transpose(1, 2, 3, 0)), scale([0.1, 0.2]), zero(0), axis=3)
        b = relax.op.dequantize(constant(np.array([9, -9], np.int32)), scale([0.05, 0.1]), zero(0), axis=0)
        y = relax.op.nn.conv2d(dq(x), w, padding=[1, 0, 1, 0], data_layout="NHWC", kernel_layout="HWIO")
        return relax.op.clip(q(relax.op.add(y, b)), -100, 50)

    multiplier, shift = conv_multipliers(0.5, [0.1, 0.2], 0.25, 2)

    literals = [weights(), np.array([9, -9], np.int32), multiplier, shift]

    def expected(b):
        return [b.emit(conv(x, padding=(1, 0, 1, 0), literals=literals, clamp=(-100, 50)), "y", True)]

    assert_same(LegalizeQuantized()(qdq([x], write)), module([x], expected))


def test_requantize_becomes_a_lookup_and_identity_goes():
    x = var("x", DATA)
    before = qdq([x], lambda bb: q(dq(bb.emit(q(dq(x), 0.5, -5))), 0.5, -4))
    after = LegalizeQuantized()(before)
    table = np.clip(np.arange(-128, 128) + 1, -128, 127).astype(np.int8)
    expected = module([x], lambda b: [b.emit(_with_table(lookup(x, "quantize", "int8"), table), "y", True)])
    assert_same(after, expected)


def _with_table(call, table):
    return relax.Call(call.op, [call.args[0], constant(table)], call.attrs)


def test_movement_collapses():
    x = var("x", (2, 6))
    before = qdq([x], lambda bb: q(relax.op.permute_dims(dq(x, 0.5, 1), [1, 0]), 0.5, 1))
    expected = module([x], lambda b: [b.emit(relax.op.permute_dims(x, [1, 0]), "y", True)])
    assert_same(LegalizeQuantized()(before), expected)


def test_concat_of_two_scales_is_refused():
    x, y = var("x", (2, 6)), var("y", (2, 6))
    before = qdq([x, y], lambda bb: q(relax.op.concat([dq(x, 0.5, 1), dq(y, 0.25, 1)], axis=1), 0.5, 1))
    with pytest.raises(UnsupportedError, match="different scales"):
        LegalizeQuantized()(before)


def test_float_operator_is_refused_by_name():
    x = var("x", DATA)

    def write(bb):
        return bb.emit(q(bb.emit(relax.op.exp(dq(x)))), "loudness")

    with pytest.raises(UnsupportedError, match=r"^binding loudness: exp has no exact integer form") as error:
        LegalizeQuantized()(qdq([x], write))
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


def test_float_result_that_is_returned_is_refused():
    x = var("x", DATA)
    with pytest.raises(UnsupportedError, match="exp has no exact integer form"):
        LegalizeQuantized()(qdq([x], lambda bb: relax.op.exp(dq(x))))


def test_dead_operators_do_not_matter():
    x = var("x", DATA)

    def write(bb):
        bb.emit(q(bb.emit(relax.op.exp(dq(x)))), "unused")
        return q(relax.op.nn.relu(dq(x)))

    assert len(extract_graph(LegalizeQuantized()(qdq([x], write))).operators) == 1


def test_control_flow_is_refused():
    condition, x = relax.Var("c", relax.TensorType([], "bool")), var("x", (2,))
    bb = relax.BlockBuilder()
    with bb.function("main", [condition, x]):
        out = bb.emit(relax.If(condition, x, x))
        bb.emit_func_output(out)
    with pytest.raises(UnsupportedError, match="control flow"):
        LegalizeQuantized()(bb.get())


def test_clamp_of_a_shared_tensor_is_its_own_operator():
    x = var("x", DATA)

    def write(b):
        made = b.emit(conv(x), "c", True)
        return [made, b.emit(relax.op.clip(made, -3, 4), "y", True)]

    kinds = [op.kind for op in extract_graph(LegalizeQuantized()(module([x], write))).operators]
    assert kinds == ["conv2d", "lookup"]


def test_uint8_network_is_refused():
    x = var("x", DATA, "uint8")
    with pytest.raises(UnsupportedError, match="uint8 activations"):
        LegalizeQuantized()(
            qdq([x], lambda bb: q(relax.op.add(dq(x, 0.5, 3), dq(x, 0.5, 3)), 1.0, 9, "uint8"))
        )


def test_is_idempotent():
    once = LegalizeQuantized()(our_import(file_of(single(STOCK_TOO["conv2d_same_relu6"]))))
    tvm.ir.assert_structural_equal(
        LegalizeQuantized()(once)["main"].body, once["main"].body, map_free_vars=True
    )


INTERFACES = [(our_import, n) for n in ("conv2d_same_relu6", "max_pool", "reshape", "quantize", "dequantize")]
# The stock import keeps no scale for tensors that are never dequantized, so max_pool and reshape have none there.
INTERFACES += [(stock_import, n) for n in ("conv2d_same_relu6", "quantize", "dequantize")]


@pytest.mark.parametrize(("importer", "name"), INTERFACES)
def test_interface_is_recorded(importer, name):
    model = single(STOCK_TOO[name])
    (inside,), (outside,) = interface_of(LegalizeQuantized()(importer(file_of(model))))
    assert (inside.name, inside.dtype, inside.shape) == ("x", "int8", (1, 6, 7, 4))
    assert (inside.scale, inside.zero_point) == (float(np.float32(0.05)), -3)
    out = model.tensors[model.outputs[0]]
    expected = (
        (float(out.quantization.scale[0]), int(out.quantization.zero_point[0]))
        if out.quantization
        else (0.0, 0)
    )
    assert (outside.dtype, outside.scale, outside.zero_point) == (out.dtype, *expected)


def test_interface_through_movement():
    x = var("x", (2, 6))

    def write(bb):
        moved = bb.emit(relax.op.reshape(x, [12]))
        return relax.op.reshape(bb.emit(q(relax.op.nn.relu(dq(moved)))), [3, 4])

    (inside,), (outside,) = interface_of(qdq([x], write))
    assert (inside.scale, inside.zero_point) == (0.5, -5)
    assert (outside.scale, outside.zero_point) == (0.25, 7)


def test_grids_are_recorded():
    after = LegalizeQuantized()(our_import(file_of(single(STOCK_TOO["conv2d_same_relu6"]))))
    grids = load_grids(str(after["main"].attrs[GRIDS]))
    assert grids["conv_2d_0"] == (float(np.float32(0.05)), -10)


def test_registered_pipeline_is_the_passes():
    before = our_import(file_of(single(STOCK_TOO["average_pool"])))
    registered = relax.get_pipeline(PIPELINE)(before)
    tvm.ir.assert_structural_equal(registered, tvm.transform.Sequential(legalization_passes())(before))


def test_other_functions_are_kept():
    x = var("x", (2, 6))
    before = qdq([x], lambda bb: q(relax.op.nn.relu(dq(x))))
    builder = FunctionBuilder([x], {"global_symbol": "other"})
    other = builder.finish([builder.emit(relax.op.reshape(x, [12]), "y", True)], False)
    before[tvm.ir.GlobalVar("other")] = other
    after = LegalizeQuantized()(before)
    assert {gv.name_hint for gv in after.functions} == {"main", "other"}
    assert replace_main(after, after["main"])["other"].same_as(after["other"])
