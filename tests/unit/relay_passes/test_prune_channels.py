"""PruneChannels rule by rule: IR before and after, and the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tvm import relax

from relay_passes.dialect import build_call
from relay_passes.extract_graph import extract_graph
from relay_passes.prune_channels import PRUNED, PruneChannels, pruned_channels
from relay_passes.straight_line import constant
from tests.unit.relay_passes.builders import assert_same, lookup, module, pad, pool, var
from tests.unit.relay_passes.models import outputs_of

DATA = (1, 5, 6, 4)
ZERO_POINT, OUT = -5, 7


def weights(*shape: int, seed: int = 1) -> np.ndarray:
    """Weights without a zero."""
    rng = np.random.default_rng(seed)
    return (rng.integers(1, 128, shape) * rng.choice([-1, 1], shape)).astype(np.int8)


def weighted(
    kind: str,
    data: Any,
    weight: np.ndarray,
    bias: Sequence[int] | None = None,
    *,
    padding: Sequence[int] = (0, 0, 0, 0),
    zero_point: int = ZERO_POINT,
    clamp: tuple[int, int] = (-128, 127),
) -> Any:
    """A conv2d, depthwise_conv2d or fully_connected that divides its sums by 128 (channel 0) and more."""
    count = weight.shape[3 if kind == "depthwise_conv2d" else 0]
    dense = kind == "fully_connected"
    literals = [
        weight,
        np.array(np.arange(count) * 11 if bias is None else bias, np.int32),
        np.full(count, 1 << 52, np.int64) if dense else np.full(count, 1 << 30, np.int32),
        np.full(count, -6, np.int32),
    ]
    attrs: dict[str, Any] = {
        "input_zero_point": zero_point, "output_zero_point": OUT, "act_min": clamp[0], "act_max": clamp[1],
    }  # fmt: skip
    if dense:
        attrs["output_shape"] = [1, count]
    else:
        attrs |= {"strides": [1, 1], "padding": list(padding), "dilation": [1, 1]}
    return build_call(kind, [data, *map(constant, literals)], **attrs)


def with_bias(call: Any, bias: Sequence[int]) -> Any:
    """The same call with other biases."""
    args = list(call.args)
    args[2] = constant(np.array(bias, np.int32))
    return relax.Call(call.op, args, call.attrs)


def cut_out(call: Any, made: Sequence[int], depthwise: bool = False) -> Any:
    """The same call with some of its filters only."""
    args = [call.args[0]]
    for i, argument in enumerate(call.args[1:]):
        value = argument.value.numpy()
        args.append(constant(value[..., made] if i or depthwise else value[made]))
    return relax.Call(call.op, args, call.attrs)


def add(lhs: Any, rhs: Any) -> Any:
    attrs = {f"{side}_zero_point": ZERO_POINT for side in ("lhs", "rhs")} | {"output_zero_point": 1}
    attrs |= {"left_shift": 20, "act_min": -128, "act_max": 127}
    attrs |= {f"{k}_multiplier": 1 << 30 for k in ("lhs", "rhs", "output")}
    return build_call("add", [lhs, rhs], **attrs, lhs_shift=0, rhs_shift=0, output_shift=-19)


def prune(before: Any, multiple: int = 1) -> Any:
    """Prune; the outputs must stay the same, and nothing be left to prune."""
    after = PruneChannels(multiple)(before)
    shape = [int(d) for d in before["main"].params[0].ty.shape]
    rng = np.random.default_rng(3)
    low, high = np.full(shape, -128, np.int8), np.full(shape, 127, np.int8)
    for data in (rng.integers(-128, 128, shape).astype(np.int8), low, high):
        for a, b in zip(outputs_of(before, [data]), outputs_of(after, [data]), strict=True):
            np.testing.assert_array_equal(a, b)
    same_ir(PruneChannels(multiple)(after), after)
    return after


def same_ir(actual: Any, expected: Any) -> None:
    """Compare two modules without the record of what was removed."""
    strip = [m.clone() for m in (actual, expected)]
    for m in strip:
        m["main"] = m["main"].without_attr(PRUNED)
    assert_same(*strip)


counts = pruned_channels


def dead(channels: int, *which: int, kernel: int = 1) -> np.ndarray:
    """Filters of a convolution over DATA, zero for the output channels `which`."""
    filters = weights(channels, kernel, kernel, DATA[3])
    filters[list(which)] = 0
    return filters


def value_of(bias: int) -> int:
    """What a filter of zeros gives: bias / 128, halves away from zero, from OUT."""
    return int(np.sign(bias) * ((abs(bias) + 64) // 128)) + OUT


def test_constant_channel_goes_into_the_bias():
    x, y = var("x", DATA), var("x", DATA)
    first, second = dead(3, 1), weights(2, 1, 1, 3, seed=2)
    bias = [100, 1000, -70]

    before = module(
        [x],
        lambda b: [
            b.emit(weighted("conv2d", b.emit(weighted("conv2d", x, first, bias), "a"), second), "y", True)
        ],
    )
    moved = second[:, 0, 0, 1].astype(int) * (value_of(1000) - ZERO_POINT)

    def write(b):
        a = b.emit(cut_out(weighted("conv2d", y, first, bias), [0, 2]), "a")
        rest = weighted("conv2d", a, second[..., [0, 2]])
        return [b.emit(with_bias(rest, [moved[0], 11 + moved[1]]), "y", True)]

    after = prune(before)
    same_ir(after, module([y], write))
    assert counts(after) == {"a": (3, 2)}


def test_unread_channel_goes():
    x, y = var("x", DATA), var("x", DATA)
    first, second = weights(3, 1, 1, 4), weights(2, 3, 3, 3)
    second[..., 0] = 0

    before = module(
        [x],
        lambda b: [b.emit(weighted("conv2d", b.emit(weighted("conv2d", x, first), "a"), second), "y", True)],
    )

    def write(b):
        a = b.emit(cut_out(weighted("conv2d", y, first), [1, 2]), "a")
        return [b.emit(weighted("conv2d", a, second[..., 1:]), "y", True)]

    same_ir(prune(before), module([y], write))


def test_unread_by_one_reader_of_two_stays():
    x = var("x", DATA)
    second = weights(2, 1, 1, 3)
    second[..., 0] = 0

    def write(b):
        a = b.emit(weighted("conv2d", x, weights(3, 1, 1, 4)), "a")
        return [
            b.emit(weighted("conv2d", a, second), "y", True),
            b.emit(weighted("conv2d", a, weights(2, 1, 1, 3)), "z", True),
        ]

    before = module([x], write)
    same_ir(prune(before), before)


@pytest.mark.parametrize(("bias", "goes"), [((ZERO_POINT - OUT) * 128, True), (1000, False)])
def test_constant_under_padding_goes_only_when_it_is_the_zero_point(bias, goes):
    x = var("x", DATA)

    def write(b):
        a = b.emit(weighted("conv2d", x, dead(3, 1), [0, bias, 0]), "a")
        return [b.emit(weighted("conv2d", a, weights(2, 3, 3, 3), padding=(1, 1, 1, 1)), "y", True)]

    after = prune(module([x], write))
    assert counts(after) == ({"a": (3, 2)} if goes else {})


@pytest.mark.parametrize("clamp", [(-128, -128), (7, 127), (-128, 7), (127, 127)])
def test_clamp_that_saturates_makes_a_constant(clamp):
    x = var("x", DATA)
    huge = 4 * 127 * 255 * 2

    def write(b):
        a = b.emit(weighted("conv2d", x, weights(3, 1, 1, 4), [0, huge, -huge], clamp=clamp), "a")
        return [b.emit(weighted("conv2d", a, weights(2, 1, 1, 3)), "y", True)]

    assert counts(prune(module([x], write))) == {"a": (3, 1)}


def test_depthwise_loses_a_channel_on_both_sides():
    x, y = var("x", DATA), var("x", DATA)
    first, middle, last = dead(3, 1), weights(1, 3, 3, 6), weights(2, 1, 1, 6)
    bias = [0, 500, 0]

    def write(b):
        a = b.emit(weighted("conv2d", x, first, bias), "a")
        d = b.emit(weighted("depthwise_conv2d", a, middle), "d")
        return [b.emit(weighted("conv2d", d, last), "y", True)]

    def without(b):
        a = b.emit(cut_out(weighted("conv2d", y, first, bias), [0, 2]), "a")
        rest = [0, 1, 4, 5]
        d = b.emit(cut_out(weighted("depthwise_conv2d", a, middle), rest, depthwise=True), "d")
        sums = middle[0, :, :, 2:4].astype(int).sum(axis=(0, 1)) * (value_of(500) - ZERO_POINT) + [22, 33]
        values = np.clip([value_of(int(s)) for s in sums], -128, 127)
        moved = (last[:, 0, 0, 2:4].astype(int) * (values - ZERO_POINT)).sum(axis=1)
        return [
            b.emit(with_bias(weighted("conv2d", d, last[..., rest]), moved + np.array([0, 11])), "y", True)
        ]

    after = prune(module([x], write))
    same_ir(after, module([y], without))
    assert counts(after) == {"a": (3, 2), "d": (6, 4)}


def test_depthwise_of_zeros_frees_what_it_read():
    x = var("x", DATA)
    middle = weights(1, 3, 3, 3)
    middle[..., 2] = 0

    def write(b):
        a = b.emit(weighted("conv2d", x, weights(3, 1, 1, 4)), "a")
        d = b.emit(weighted("depthwise_conv2d", a, middle, padding=(1, 1, 1, 1)), "d")
        return [b.emit(weighted("conv2d", d, weights(2, 1, 1, 3)), "y", True)]

    assert counts(prune(module([x], write))) == {"a": (3, 2), "d": (3, 2)}


def test_half_a_group_of_a_depthwise_stays():
    x = var("x", DATA)
    middle = weights(1, 3, 3, 6)
    middle[..., 2] = 0

    def write(b):
        a = b.emit(weighted("conv2d", x, weights(3, 1, 1, 4)), "a")
        d = b.emit(weighted("depthwise_conv2d", a, middle), "d")
        return [b.emit(weighted("conv2d", d, weights(2, 1, 1, 6)), "y", True)]

    before = module([x], write)
    same_ir(prune(before), before)


@pytest.mark.parametrize(("clamp", "left"), [((-128, 127), 3), ((7, 127), 2)])
def test_border_of_a_depthwise_that_saturates_everywhere_goes(clamp, left):
    """Each output of a constant channel is known, where ranges of taps only bound it."""
    x = var("x", DATA)
    middle = weights(1, 3, 3, 3)
    # Twelve steps from the zero point, in the middle row: negative in the window's sum wherever it lies.
    middle[0, :, :, 1] = [[1, 1, 1], [-100, -100, -100], [1, 1, 1]]

    def write(b):
        a = b.emit(weighted("conv2d", x, dead(3, 1), [0, 0, 0]), "a")
        d = weighted("depthwise_conv2d", a, middle, [0, 0, 0], padding=(1, 1, 1, 1), clamp=clamp)
        return [b.emit(weighted("conv2d", b.emit(d, "d"), weights(2, 1, 1, 3)), "y", True)]

    assert counts(prune(module([x], write))).get("d", (3, 3)) == (3, left)


def test_border_of_a_depthwise_stays():
    """A constant channel under padding that is another value depends on the position."""
    x = var("x", DATA)

    def write(b):
        a = b.emit(weighted("conv2d", x, dead(3, 1), [0, 1000, 0]), "a")
        d = b.emit(weighted("depthwise_conv2d", a, weights(1, 3, 3, 3), padding=(1, 1, 1, 1)), "d")
        return [b.emit(weighted("conv2d", d, weights(2, 1, 1, 3)), "y", True)]

    before = module([x], write)
    same_ir(prune(before), before)


@pytest.mark.parametrize("both", [True, False])
def test_sum_loses_what_is_constant_on_both_sides(both):
    x = var("x", DATA)

    def write(b):
        a = b.emit(weighted("conv2d", x, dead(3, 1)), "a")
        c = b.emit(weighted("conv2d", x, dead(3, 1) if both else dead(3)), "c")
        s = b.emit(add(a, c), "s")
        return [b.emit(weighted("conv2d", s, weights(2, 1, 1, 3)), "y", True)]

    assert counts(prune(module([x], write))) == (dict.fromkeys("acs", (3, 2)) if both else {})


def test_sum_with_a_literal_loses_the_literals_channel():
    x, y = var("x", DATA), var("x", DATA)
    literal = weights(1, 1, 1, 3, seed=5)
    last = weights(2, 1, 1, 3)
    last[..., 1] = 0

    def write(b, data, kept):
        a = b.emit(cut_out(weighted("conv2d", data, weights(3, 1, 1, 4)), kept), "a")
        s = b.emit(add(a, constant(literal[..., kept])), "s")
        return [b.emit(weighted("conv2d", s, last[..., kept]), "y", True)]

    same_ir(prune(module([x], lambda b: write(b, x, [0, 1, 2]))), module([y], lambda b: write(b, y, [0, 2])))


def test_one_channel_under_many_stays():
    x = var("x", DATA)

    def write(b):
        one = b.emit(weighted("conv2d", x, weights(1, 1, 1, 4)), "one")
        a = b.emit(weighted("conv2d", x, dead(3, 1)), "a")
        s = b.emit(build_call("maximum", [a, one]), "s")
        last = weights(2, 1, 1, 3)
        last[..., 0] = 0
        return [b.emit(weighted("conv2d", s, last), "y", True)]

    assert counts(prune(module([x], write))) == {"a": (3, 2), "s": (3, 2)}


def test_concatenation_loses_channels_of_its_parts():
    x, y = var("x", DATA), var("x", DATA)
    last = weights(2, 1, 1, 5)
    last[..., 3] = 0

    def write(b, data, left, right):
        a = b.emit(cut_out(weighted("conv2d", data, dead(3, 1), [0, (ZERO_POINT - OUT) * 128, 5]), left), "a")
        c = b.emit(cut_out(weighted("conv2d", data, weights(2, 1, 1, 4)), right), "c")
        s = b.emit(relax.op.concat([a, c], 3), "s")
        kept = [*left, *(3 + i for i in right)]
        return [b.emit(weighted("conv2d", s, last[..., kept]), "y", True)]

    after = prune(module([x], lambda b: write(b, x, [0, 1, 2], [0, 1])))
    same_ir(after, module([y], lambda b: write(b, y, [0, 2], [1])))
    assert counts(after) == {"a": (3, 2), "c": (2, 1), "s": (5, 3)}


def test_end_of_a_network_global_pool_reshape_and_dense():
    x = var("x", DATA)

    def write(b):
        a = b.emit(weighted("conv2d", x, dead(4, 1, 2)), "a")
        m = b.emit(pool("avg_pool2d", a, size=5), "m")
        rows = b.emit(relax.op.reshape(m, [1, 8]), "r")
        return [b.emit(weighted("fully_connected", rows, weights(3, 8)), "y", True)]

    assert counts(prune(module([x], write))) == {"a": (4, 2), "m": (4, 2), "r": (8, 4)}


def test_dense_over_positions_loses_a_column_a_position():
    x, y = var("x", (1, 2, 3, 4)), var("x", (1, 2, 3, 4))
    first, last = weights(3, 1, 1, 4), weights(2, 18)
    last[:, 1::3] = 0

    def write(b, data, kept):
        a = b.emit(cut_out(weighted("conv2d", data, first), kept), "a")
        columns = [p * 3 + c for p in range(6) for c in kept]
        return [b.emit(weighted("fully_connected", a, last[:, columns]), "y", True)]

    same_ir(prune(module([x], lambda b: write(b, x, [0, 1, 2]))), module([y], lambda b: write(b, y, [0, 2])))


def through(step) -> Any:
    """A network with a dead channel of 3 that goes through `step`."""
    x = var("x", DATA)

    def write(b):
        a = b.emit(weighted("conv2d", x, dead(3, 1)), "a")
        s = b.emit(step(a), "s")
        channels = int(s.ty.shape[-1])
        return [b.emit(weighted("conv2d", s, weights(2, 1, 1, channels)), "y", True)]

    return module([x], write)


def resize(kind: str):
    return lambda a: build_call(kind, [a], size=[7, 9], align_corners=0, half_pixel_centers=1)


def pad_channels(a):
    return build_call("pad", [a], pad_width=[0, 0, 0, 0, 0, 0, 1, 2], pad_value=4)


@pytest.mark.parametrize(
    ("step", "left"),
    [
        (lambda a: pool("max_pool2d", a, (1, 1, 1, 1)), 2),
        (lambda a: pool("avg_pool2d", a, (1, 1, 1, 1)), 2),
        (lambda a: lookup(a, "logistic", "int8"), 2),
        (resize("resize_nearest"), 2),
        (resize("resize_bilinear"), 2),
        (lambda a: relax.op.permute_dims(a, [0, 2, 1, 3]), 2),
        (lambda a: relax.op.strided_slice(a, [1], [1], [4]), 2),
        (lambda a: pad(a, 1, 0, 0, 1, value=value_of(11)), 2),
        (pad_channels, 2),  # the constant ones that it adds go too
    ],
)  # fmt: skip
def test_goes_through(step, left):
    assert counts(prune(through(step)))["s"][1] == left


@pytest.mark.parametrize(
    "step",
    [
        lambda a: pad(a, 1, 0, 0, 1, value=value_of(11) + 1),  # constant inside, another value around
        lambda a: relax.op.permute_dims(a, [0, 3, 1, 2]),
        lambda a: relax.op.reshape(a, [1, 6, 15, 1]),
        lambda a: build_call("softmax", [a], multiplier=1 << 30, shift=20, diff_min=-100),
        lambda a: relax.op.strided_slice(a, [3], [0], [2]),
    ],
)
def test_does_not_go_through(step):
    before = through(step)
    same_ir(prune(before), before)


def test_grouped_convolution_stays():
    x = var("x", DATA)

    def write(b):
        a = b.emit(weighted("conv2d", x, dead(4, 1)), "a")
        g = b.emit(weighted("conv2d", a, weights(4, 1, 1, 2)), "g")
        return [b.emit(weighted("conv2d", g, weights(2, 1, 1, 4)), "y", True)]

    before = module([x], write)
    same_ir(prune(before), before)


def test_grouped_convolution_hands_on_what_is_constant():
    x = var("x", DATA)

    def write(b):
        a = b.emit(weighted("conv2d", x, dead(4, 0, 1)), "a")
        g = b.emit(weighted("conv2d", a, weights(4, 1, 1, 2)), "g")
        s = b.emit(pool("max_pool2d", g), "s")
        c = b.emit(weighted("conv2d", s, weights(3, 1, 1, 4)), "c")
        last = weights(2, 1, 1, 3)
        last[..., 2] = 0
        return [b.emit(weighted("conv2d", c, last), "y", True)]

    assert counts(prune(module([x], write))) == {"c": (3, 2)}


def transposed(data: Any, weight: np.ndarray) -> Any:
    count = weight.shape[0]
    literals = [weight, *(np.full(count, v, np.int32) for v in (0, 1 << 30, -6))]
    return build_call(
        "transpose_conv2d", [data, *map(constant, literals)], strides=[2, 2], padding=[0, 0, 0, 0],
        output_shape=[1, 11, 13, count], input_zero_point=ZERO_POINT, output_zero_point=OUT,
        act_min=-128, act_max=127,
    )  # fmt: skip


@pytest.mark.parametrize(("bias", "left"), [((ZERO_POINT - OUT) * 128, 2), (1000, 3)])
def test_transposed_convolution(bias, left):
    """Its outputs see different numbers of taps, so a constant input must be the zero point."""
    x = var("x", DATA)
    middle = weights(3, 3, 3, 3)
    middle[0] = 0

    def write(b):
        a = b.emit(weighted("conv2d", x, dead(3, 1), [0, bias, 0]), "a")
        t = b.emit(transposed(a, middle), "t")
        return [b.emit(weighted("conv2d", t, weights(2, 1, 1, 3)), "y", True)]

    after = counts(prune(module([x], write)))
    assert after.get("a", (3, 3))[1] == left
    assert after["t"] == (3, 2)


def test_inputs_and_outputs_stay():
    x = var("x", DATA)
    last = weights(3, 1, 1, 3)
    last[1], last[..., 0] = 0, 0

    def write(b):
        first = weights(3, 1, 1, 4)
        first[..., 0] = 0
        a = b.emit(weighted("conv2d", x, first), "a", True)
        return [a, b.emit(weighted("conv2d", a, last), "y", True)]

    before = module([x], write)
    same_ir(prune(before), before)


def test_every_tensor_keeps_a_channel():
    x = var("x", DATA)

    def write(b):
        a = b.emit(weighted("conv2d", x, np.zeros((3, 1, 1, 4), np.int8)), "a")
        d = b.emit(weighted("depthwise_conv2d", a, weights(1, 3, 3, 3)), "d")
        return [b.emit(weighted("conv2d", d, weights(2, 1, 1, 3)), "y", True)]

    assert counts(prune(module([x], write))) == {"a": (3, 1), "d": (3, 1)}


def test_bias_that_would_leave_int32_is_not_made():
    x = var("x", DATA)

    def write(b, bias):
        a = b.emit(weighted("conv2d", x, dead(3, 1), [0, 10**6, 0]), "a")  # 127
        last = np.full((2, 1, 1, 3), 127, np.int8)
        last[..., [0, 2]] = -1
        return [b.emit(weighted("conv2d", a, last, [bias, 0]), "y", True)]

    most = 2**31 - 1 - 127 * (127 - ZERO_POINT)
    # Its sums would leave int32 with some inputs: those are LiteRT's own business, so only what is pruned is looked at.
    assert counts(PruneChannels(1)(module([x], lambda b: write(b, most)))) == {"a": (3, 2)}
    assert counts(PruneChannels(1)(module([x], lambda b: write(b, most + 1)))) == {}


@pytest.mark.parametrize(
    ("gone", "left"), [((1,), 8), ((1, 2, 3, 4), 4), ((0, 1, 2, 3, 4, 5), 4), ((0, 1, 2), 8)]
)
def test_multiple(gone, left):
    x = var("x", DATA)

    def write(b):
        a = b.emit(weighted("conv2d", x, dead(8, *gone)), "a")
        return [b.emit(weighted("conv2d", a, weights(2, 1, 1, 8)), "y", True)]

    assert counts(prune(module([x], write), multiple=4)).get("a", (8, 8)) == (8, left)


def test_multiple_must_be_one_at_least():
    with pytest.raises(ValueError, match="multiple must be at least 1, got 0"):
        PruneChannels(0)


def heads(gone: int) -> Any:
    """Two readers of a feature map: one needs it whole, the other goes through a depthwise with dead channels."""
    x = var("x", DATA)
    middle = weights(1, 3, 3, 8)
    middle[..., :gone] = 0

    def write(b):
        a = b.emit(weighted("conv2d", x, weights(8, 1, 1, 4)), "a")
        d = b.emit(weighted("depthwise_conv2d", a, middle, padding=(1, 1, 1, 1)), "d")
        return [
            b.emit(weighted("conv2d", a, weights(2, 1, 1, 8)), "y", True),
            b.emit(weighted("conv2d", d, weights(4, 1, 1, 8)), "z", True),
        ]

    return module([x], write)


def test_channels_are_taken_out_of_a_tensor_that_others_need_whole():
    after = prune(heads(6), multiple=2)
    assert counts(after) == {"d_channels": (8, 2), "d": (8, 2)}
    kinds = [op.kind for op in extract_graph(after).operators]
    assert kinds == ["conv2d", "take", "depthwise_conv2d", "conv2d", "conv2d"]


def test_one_take_does_for_two_depthwise_convolutions():
    x = var("x", DATA)
    last = weights(4, 1, 1, 8)
    last[..., :6] = 0

    def write(b):
        a = b.emit(weighted("conv2d", x, weights(8, 1, 1, 4)), "a")
        d = b.emit(weighted("depthwise_conv2d", a, weights(1, 3, 3, 8), padding=(1, 1, 1, 1)), "d")
        e = b.emit(weighted("depthwise_conv2d", d, weights(1, 3, 3, 8), padding=(1, 1, 1, 1)), "e")
        return [
            b.emit(weighted("conv2d", a, weights(2, 1, 1, 8)), "y", True),
            b.emit(weighted("conv2d", e, last), "z", True),
        ]

    assert counts(prune(module([x], write))) == dict.fromkeys(("d_channels", "d", "e"), (8, 2))


def test_nothing_is_taken_where_it_does_not_pay():
    before = heads(2)
    same_ir(prune(before, multiple=2), before)


def test_take_of_channels_loses_channels():
    x, y = var("x", DATA), var("x", DATA)
    last = weights(2, 1, 1, 4)
    last[..., 2] = 0

    def write(b, data, filters, indices, kept):
        a = b.emit(cut_out(weighted("conv2d", data, weights(5, 1, 1, 4)), filters), "a")
        t = b.emit(relax.op.take(a, constant(np.array(indices, np.int32)), axis=3), "t")
        return [b.emit(weighted("conv2d", t, last[..., kept]), "y", True)]

    before = module([x], lambda b: write(b, x, [0, 1, 2, 3, 4], [4, 0, 1, 4], [0, 1, 2, 3]))
    after = module([y], lambda b: write(b, y, [0, 4], [1, 0, 1], [0, 1, 3]))
    same_ir(prune(before), after)
