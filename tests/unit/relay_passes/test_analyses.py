from __future__ import annotations

import pytest
from tvm import relax

from relay_passes.extract_graph import extract_graph
from relay_passes.legalize_quantized import LegalizeQuantized
from relay_passes.pipeline import legalization_pipeline
from tests.unit.relay_passes.builders import conv, module, pool, var
from tests.unit.relay_passes.models import OURS_ONLY, STOCK_TOO, file_of, our_import, single
from tvm_patch.errors import UnsupportedError
from tvm_patch.graph import Window
from tvm_patch.lowering import describe_module
from tvm_patch.targets import HOST


def two_branches():
    """Return x → a → (b, c) → d with known sizes."""
    x = var("x", (1, 8, 8, 1))

    def write(b):
        first = b.emit(conv(x, 4, padding=(1, 1, 1, 1)), "a")
        left = b.emit(conv(first, 2, padding=(1, 1, 1, 1)), "b")
        right = b.emit(pool("max_pool2d", first), "c")
        return [left, b.emit(conv(right, 1, kernel=1), "d", True)]

    return module([x], write)


def test_network_of_a_module():
    network = describe_module(two_branches(), HOST, "two")
    assert network.name == "two"
    assert [op.kind for op in network.operators] == ["conv2d", "conv2d", "max_pool2d", "conv2d"]
    first = network.operators[0]
    assert first.window == Window((3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
    assert first.macs == 8 * 8 * 4 * 9
    assert first.weight_bytes == 4 * 9 + 3 * 4 * 4  # weights, and three int32 a channel
    assert network.operators[2].window == Window((2, 2))
    assert network.tensors["c"].shape == (1, 7, 7, 4)
    assert network.outputs[1] == "d"


def test_macs_of_other_operators():
    macs = {}
    for name in ("depthwise_multiplier", "transpose_conv", "fully_connected_4d", "add_relu"):
        module_ = legalization_pipeline()(our_import(file_of(single({**STOCK_TOO, **OURS_ONLY}[name]))))
        macs[name] = describe_module(module_, HOST).macs
    assert macs == {
        "depthwise_multiplier": 3 * 4 * 12 * 6,
        "transpose_conv": 6 * 7 * 4 * 9 * 3,
        "fully_connected_4d": 168 * 5,
        "add_relu": 0,
    }


def test_what_is_kept_alive():
    graph = extract_graph(two_branches())
    a, b, c = 8 * 8 * 4, 8 * 8 * 2, 7 * 7 * 4
    assert [graph.live_bytes(i) for i in range(4)] == [64 + a, a + b, a + b + c, b + c + 49]


def test_split_has_named_parts():
    graph = extract_graph(LegalizeQuantized()(our_import(file_of(single(OURS_ONLY["split_v"])))))
    (split,) = graph.operators
    assert split.attrs == {"axis": 2, "indices_or_sections": [1, 5]}
    assert split.outputs == graph.outputs
    assert [t.shape for t in graph.outputs] == [(1, 6, 1, 4), (1, 6, 4, 4), (1, 6, 2, 4)]


@pytest.mark.parametrize(
    ("name", "kind", "attrs"),
    [
        ("reshape", "reshape", {}),
        ("transpose", "permute_dims", {"axes": [0, 3, 1, 2]}),
        ("concatenation", "concat", {"axis": 3}),
        ("tile", "tile", {"repeats": [1, 2, 1, 3]}),
        ("gather", "take", {"axis": 3}),
        (
            "strided_slice",
            "strided_slice",
            {"axes": [0, 1, 2, 3], "begin": [0, 1, 0, 0], "end": [1, 6, 7, 4], "strides": [1, 2, 3, 1]},
        ),
    ],
)
def test_movement_has_plain_attributes(name, kind, attrs):
    build = {**STOCK_TOO, **OURS_ONLY}[name]
    (op,) = extract_graph(legalization_pipeline()(our_import(file_of(single(build))))).operators
    assert (op.kind, dict(op.attrs)) == (kind, attrs)


def test_what_is_not_legalized_is_refused():
    x = var("x", (1, 4, 4, 1))
    with pytest.raises(UnsupportedError, match="run LegalizeQuantized first"):
        extract_graph(module([x], lambda b: [b.emit(relax.op.nn.relu(x), "y", True)]))
