"""edit_model: before and after written by hand, and the function kept where it must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.redistribution.mobile import mobile_network, random_input
from tvm_patch.errors import UnsupportedError
from tvm_patch.frontend import import_tflite
from tvm_patch.frontend.canonical import canonicalize
from tvm_patch.oracle import run_oracle
from tvm_patch.redistribution.blocks import CONVOLUTIONS, residual_blocks
from tvm_patch.redistribution.edit_model import edit_model
from tvm_patch.redistribution.edits import InsertBlock, RemoveBlock, SetKernel
from tvm_patch.redistribution.window import Axis, resized_kernel
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model

GRID_IN, GRID_MID, GRID_OUT, GRID_SUM = (0.05, -3), (0.02, -128), (0.04, 5), (0.07, 9)


class Weights:
    """Seeded weights and biases: the same calls give the same numbers."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)

    def weight(self, *shape):
        return self.rng.integers(-127, 128, shape).astype(np.int8)

    def bias(self, count):
        return self.rng.integers(-3000, 3000, count).astype(np.int32)

    def scales(self, count):
        return self.rng.uniform(0.002, 0.01, count).astype(np.float32)

    def conv(self, out, size, depth):
        return self.weight(out, size, size, depth), self.bias(out), self.scales(out)

    def depthwise(self, channels, size):
        return self.weight(1, size, size, channels), self.bias(channels), self.scales(channels)


def model(build):
    """Return, in canonical form, what `build(builder, x)` adds to an input of 1×8×9×4; it returns the output."""
    b = ModelBuilder()
    b.output(build(b, b.input("x", (1, 8, 9, 4), *GRID_IN)))
    return canonicalize(b.finish()).model


def mobile(**options):
    return canonicalize(mobile_network(**options)).model


def operators(model):
    """Return kind, options and tensors of every operator; names are left out."""
    unnamed = [replace(t, name="") for t in model.tensors]
    return [(o.kind, o.options, *(unnamed[i] for i in (*o.inputs, *o.outputs))) for o in model.operators]


def edited(model, edits):
    """Return the edited model, which must import as it is."""
    made = edit_model(model, edits)
    assert len({t.name for t in made.tensors}) == len(made.tensors)
    assert len(import_tflite(write_model(made)).canonical.operators) == len(made.operators)
    return made


def same_outputs(first, second, seed=0):
    """Tell whether LiteRT's reference computes the same with both, for random input."""
    inputs = random_input(first, seed)
    pairs = zip(*(run_oracle(write_model(m), inputs).outputs for m in (first, second)), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def block(b, x, expand, window, project, grid, name, activation="NONE"):
    """Add an inverted residual block."""
    y = b.conv2d(x, *expand, *GRID_MID, activation="RELU6", name=f"{name}_expand")
    y = b.depthwise_conv2d(y, *window, *GRID_MID, activation="RELU6", name=f"{name}_window")
    y = b.conv2d(y, *project, *GRID_OUT, name=f"{name}_project")
    return b.add(x, y, *grid, activation=activation, name=f"{name}_sum")


def rescaled(parts, old, new):
    """Return weights with the bias for an input of another scale."""
    weight, bias, scales = parts
    return weight, np.rint(bias * (float(np.float32(old)) / float(np.float32(new)))).astype(np.int32), scales


def zeroed(parts):
    weight, bias, scales = parts
    return np.zeros_like(weight), np.zeros_like(bias), scales


def block_weights(w, depth=4, inner=8, size=3):
    return w.conv(inner, 1, depth), w.depthwise(inner, size), w.conv(depth, 1, inner)


# Not 1 → 3 with stride 2: SAME would put the new zeros on the other side.
@pytest.mark.parametrize(
    ("old", "new", "stride"), [(3, 1, 1), (5, 3, 1), (1, 3, 1), (3, 7, 1), (3, 1, 2), (5, 3, 2), (3, 7, 2)]
)
def test_window(old, new, stride):
    w = Weights()
    first, second = w.conv(4, old, 4), w.depthwise(4, old)

    def build(first, second):
        return lambda b, x: b.depthwise_conv2d(
            b.conv2d(x, *first, *GRID_MID, activation="RELU", name="a"),
            *second,
            *GRID_OUT,
            stride=stride,
            name="b",
        )

    def resized(parts):
        return resized_kernel(parts[0], (new, new)), *parts[1:]

    edits = [SetKernel("a", (new, new)), SetKernel("b", (new, new))]
    after = edited(model(build(first, second)), edits)
    # With stride 2 over an even extent, SAME pads less before than after: one tap then starts at element 0.
    assert operators(after) == operators(model(build(resized(first), resized(second))))


@pytest.mark.parametrize(("new", "borders"), [(1, 0), (5, 2), (3, 1)])
def test_a_pad_in_front_is_the_windows_padding(new, borders):
    weight, bias, scales = Weights().depthwise(4, 3)

    def build(weight, border):
        def write(b, x):
            y = b.pad(x, [(0, 0), (border, border), (border, border), (0, 0)], name="p") if border else x
            return b.depthwise_conv2d(y, weight, bias, scales, *GRID_OUT, stride=2, padding="VALID", name="y")

        return write

    made = edited(model(build(weight, 1)), [SetKernel("y", (new, new))])
    assert same_outputs(made, model(build(resized_kernel(weight, (new, new)), borders)))
    # Stride 2 over an even extent: SAME would pad after, not before.
    assert [op.kind for op in made.operators] == ["PAD"] * (borders > 0) + ["DEPTHWISE_CONV_2D"]


@pytest.mark.parametrize("value", [GRID_IN[1], GRID_IN[1] + 40])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("border", [1, 2])
def test_growth_behind_any_pad_keeps_every_bit(value, padding, border):
    """Padding of its own counts together with a PAD's; a PADV2 with another value than zero stays."""
    conv = Weights().conv(4, 3, 4)

    def build(b, x):
        y = b.padv2(x, [(0, 0), (border, 0), (0, border), (0, 0)], value, name="p")
        return b.conv2d(y, *conv, *GRID_OUT, stride=2, padding=padding, name="y")

    before = model(build)
    made = edited(before, [SetKernel("y", (5, 5))])
    assert same_outputs(before, made)
    assert ("PADV2" in {op.kind for op in made.operators}) == (value != GRID_IN[1])


def test_removed_block_leaves_its_input():
    w = Weights()
    first, parts, last = w.conv(4, 3, 4), block_weights(w), w.conv(6, 3, 4)

    def before(b, x):
        x = b.conv2d(x, *first, *GRID_IN, name="first")
        x = block(b, x, *parts, GRID_SUM, "block")
        return b.conv2d(x, *last, *GRID_OUT, name="last")

    def after(b, x):
        x = b.conv2d(x, *first, *GRID_IN, name="first")
        return b.conv2d(x, *rescaled(last, GRID_SUM[0], GRID_IN[0]), *GRID_OUT, name="last")

    assert operators(edited(model(before), [RemoveBlock("block_sum")])) == operators(model(after))


def test_removed_block_behind_a_removed_block():
    w = Weights()
    first, one, two, last = w.conv(4, 3, 4), block_weights(w), block_weights(w), w.conv(6, 1, 4)

    def before(b, x):
        x = b.conv2d(x, *first, *GRID_IN, name="first")
        x = block(b, block(b, x, *one, GRID_SUM, "one"), *two, (0.09, 2), "two")
        return b.conv2d(b.pad(x, [(0, 0), (1, 0), (0, 2), (0, 0)], name="p"), *last, *GRID_OUT, name="last")

    def after(b, x):
        x = b.pad(b.conv2d(x, *first, *GRID_IN, name="first"), [(0, 0), (1, 0), (0, 2), (0, 0)], name="p")
        return b.conv2d(x, *rescaled(last, 0.09, GRID_IN[0]), *GRID_OUT, name="last")

    assert operators(edited(model(before), [RemoveBlock("one_sum"), RemoveBlock("two_sum")])) == operators(
        model(after)
    )


def test_inserted_block_is_the_identity():
    w = Weights()
    first, parts, last = w.conv(4, 3, 4), block_weights(w), w.conv(6, 1, 4)

    def before(b, x):
        x = b.conv2d(x, *first, *GRID_IN, name="first")
        x = block(b, x, *parts, GRID_SUM, "block")
        return b.conv2d(x, *last, *GRID_OUT, name="last")

    expand, window, project = parts
    copied = (rescaled(expand, GRID_IN[0], GRID_SUM[0]), window, zeroed(project))

    def after(b, x):
        x = b.conv2d(x, *first, *GRID_IN, name="first")
        x = block(b, x, *parts, GRID_SUM, "block")
        x = block(b, x, *copied, GRID_SUM, "copy")
        return b.conv2d(x, *last, *GRID_OUT, name="last")

    assert operators(edited(model(before), [InsertBlock("block_sum", "block_sum")])) == operators(
        model(after)
    )


def test_block_inserted_behind_the_output():
    w = Weights()
    first, parts = w.conv(4, 3, 4), block_weights(w)

    def build(b, x):
        return block(b, b.conv2d(x, *first, *GRID_IN, name="first"), *parts, GRID_SUM, "block")

    before = model(build)
    after = edited(before, [InsertBlock("block_sum", "block_sum")] * 2)
    assert same_outputs(before, after)
    assert len(residual_blocks(after)) == 3


def test_no_edits_change_nothing():
    assert edit_model(mobile(), []) == mobile()


def test_blocks_are_found():
    found = residual_blocks(mobile())
    assert [(b.input, b.output, b.depthwise, b.project) for b in found] == [
        ("conv_2d_5", "add_9", "depthwise_conv_2d_7", "conv_2d_8"),
        ("conv_2d_12", "add_16", "depthwise_conv_2d_14", "conv_2d_15"),
        ("add_16", "add_20", "depthwise_conv_2d_18", "conv_2d_19"),
    ]
    assert found[0].tensors == ("conv_2d_6", "depthwise_conv_2d_7", "conv_2d_8", "add_9")
    assert found[0].shape == (1, 5, 5, 8)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_growth_and_insertion_keep_every_bit(seed, symmetric):
    """Random windows grown, random blocks put in: LiteRT's reference computes the same."""
    rng = np.random.default_rng(seed)
    kernels = tuple(int(k) for k in rng.choice([3, 5], 6))
    before = mobile(kernels=kernels, symmetric=symmetric, seed=seed)
    edits = []
    for op in before.operators:
        if op.kind in CONVOLUTIONS and rng.random() < 0.5:
            size = before.tensors[op.inputs[1]].shape[1:3]
            larger = tuple(int(s + 2 * rng.integers(3)) for s in size)
            edits.append(SetKernel(before.tensors[op.outputs[0]].name, larger))
    blocks = residual_blocks(before)
    for block_ in blocks:
        alike = [b.output for b in blocks if b.shape == block_.shape]
        edits += [InsertBlock(block_.output, str(rng.choice(alike))) for _ in range(rng.integers(3))]
        if rng.random() < 0.5:
            edits.append(InsertBlock(block_.input, str(rng.choice(alike))))
    after = edited(before, edits)
    assert same_outputs(before, after, seed)
    assert len(residual_blocks(after)) == len(blocks) + sum(isinstance(e, InsertBlock) for e in edits)


@pytest.mark.parametrize("seed", range(3))
def test_any_edits_give_a_network_that_runs(seed):
    rng = np.random.default_rng(seed)
    before = mobile(kernels=(3, 5, 3, 3, 5, 3), seed=seed)
    blocks = residual_blocks(before)
    gone = [b.output for b in blocks if rng.random() < 0.6] or [blocks[0].output]
    edits = [RemoveBlock(name) for name in gone]
    edits += [InsertBlock(b.output, b.output) for b in blocks if b.output not in gone]
    edits += [SetKernel("depthwise_conv_2d_1", (1, 1)), SetKernel("depthwise_conv_2d_4", (3, 3))]
    changed = write_model(edited(before, edits))
    assert run_oracle(changed, random_input(before)).outputs[0].shape == (1, 10)


def test_the_sum_of_an_identity_hands_on_every_value():
    """ADD with a zero summand gives its input, whatever the summand's scale is in practice."""
    values = np.arange(-128, 128, dtype=np.int8).reshape(1, 16, 16, 1)
    for scale, zero_point in ((0.05, -3), (0.0123, -128), (1.7, 127)):
        for ratio in (2.0**-12, 0.37, 0.999, 1.0, 1.7, 99.0, 2.0**12):
            b = ModelBuilder()
            x = b.input("x", values.shape, scale, zero_point)
            zero = b.constant("zero", np.full(values.shape, 11, np.int8), scale * ratio, 11)
            b.output(b.add(x, zero, scale, zero_point))
            np.testing.assert_array_equal(run_oracle(write_model(b.finish()), [values]).outputs[0], values)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (SetKernel("nowhere", (3, 3)), "tensor nowhere: no such tensor"),
        (SetKernel("add_9", (3, 3)), "tensor add_9: not made by a convolution"),
        (SetKernel("depthwise_conv_2d_1", (2, 2)), "cannot become one of 2"),
        (RemoveBlock("conv_2d_5"), "not made by a residual block"),
        (InsertBlock("add_9", "add_16"), "does not fit"),
        (InsertBlock("add_9", "conv_2d_8"), "not made by a residual block"),
    ],
)
def test_refusals(edit, message):
    with pytest.raises(UnsupportedError, match=message):
        edit_model(mobile(), [edit])


def test_contradictions():
    with pytest.raises(UnsupportedError, match="its block is removed"):
        edit_model(mobile(), [RemoveBlock("add_9"), InsertBlock("add_9", "add_9")])


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (
            lambda b, x: b.concatenation([x, x], 3, name="twice"),
            "CONCATENATION making tensor twice: it depends on",
        ),
        (lambda b, x: b.maximum(x, x, name="most"), "MAXIMUM making tensor most: it depends on"),
        (lambda b, x: b.reshape(x, (1, 288), name="flat"), "RESHAPE making tensor flat: it depends on"),
        (lambda b, x: x, "an output of the network cannot be removed"),
    ],
)
def test_what_needs_the_scale_of_a_removed_block_is_refused(read, message):
    w = Weights()

    def before(b, x):
        x = b.conv2d(x, *w.conv(4, 3, 4), *GRID_IN, name="first")
        return read(b, block(b, x, *block_weights(w), GRID_SUM, "block"))

    with pytest.raises(UnsupportedError, match=message):
        edit_model(model(before), [RemoveBlock("block_sum")])


def test_a_scale_is_handed_on():
    """Behind a removed block, operators that copy integers make the scale of its input."""
    w = Weights()
    first, parts, dense = w.conv(4, 3, 4), block_weights(w), w.conv(5, 1, 4 * 5 * 4)

    def build(remove):
        def write(b, x):
            x = b.conv2d(x, *first, *GRID_IN, name="first")
            x = x if remove else block(b, x, *parts, GRID_SUM, "block")
            x = b.max_pool2d(b.transpose(x, (0, 2, 1, 3), name="t"), (2, 2), padding="SAME", name="p")
            weight, bias, scales = rescaled(dense, GRID_SUM[0], GRID_IN[0]) if remove else dense
            x = b.reshape(x, (1, 80), name="flat")
            return b.fully_connected(x, weight.reshape(5, 80), bias, scales, *GRID_OUT, name="last")

        return write

    made = edited(model(build(remove=False)), [RemoveBlock("block_sum")])
    assert operators(made) == operators(model(build(remove=True)))


@pytest.mark.parametrize("after", ["x", "first", "copied"])
def test_a_block_goes_in_anywhere(after):
    """Behind the input, behind another scale, behind what has its scale from elsewhere."""
    w = Weights()

    def build(b, x):
        y = b.conv2d(x, *w.conv(4, 3, 4), *GRID_OUT, name="first")
        y = b.max_pool2d(y, (3, 3), stride=1, padding="SAME", name="copied")
        y = block(b, y, *block_weights(w), GRID_SUM, "block")
        return b.add(y, x, *GRID_SUM, name="last")

    before = model(build)
    made = edited(before, [InsertBlock(after, "block_sum")])
    assert same_outputs(before, made)
    assert len(residual_blocks(made)) == 2


def test_a_block_with_an_activation_only_goes_behind_that_activation():
    w = Weights()

    def build(b, x):
        x = b.conv2d(x, *w.conv(4, 3, 4), *GRID_IN, name="plain")
        return block(b, x, *block_weights(w), GRID_SUM, "block", activation="RELU")

    before = model(build)
    assert same_outputs(before, edited(before, [InsertBlock("block_sum", "block_sum")]))
    with pytest.raises(UnsupportedError, match="RELU after its addition changes what has no RELU"):
        edit_model(before, [InsertBlock("plain", "block_sum")])


@pytest.mark.parametrize("old", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_growth_keeps_the_centre(old, stride, dilation):
    for extent in range(7, 15):
        for before in range(3):
            reach = (old - 1) * dilation + 1
            made = (extent + 2 * before - reach) // stride + 1
            if made < 1:
                continue
            axis = Axis(old, stride, dilation, before, extent, made)
            top, bottom = axis.resized(old + 2)
            assert top == before + dilation
            assert (extent + top + bottom - reach - 2 * dilation) // stride + 1 == made
