"""Redistribute: windows resized, residual blocks taken out early and put in late (MCUNetV2, section 3.2).

The edits themselves are data (:mod:`tvm_patch.redistribution.edits`); what they mean is written here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tvm_patch.errors import UnsupportedError
from tvm_patch.frontend.names import UniqueNames, words
from tvm_patch.redistribution.blocks import CONVOLUTIONS, ResidualBlock, residual_blocks
from tvm_patch.redistribution.edits import Edit, InsertBlock, RemoveBlock, SetKernel
from tvm_patch.redistribution.window import Axis, resized_kernel
from tvm_patch.redistribution.wiring import Wiring, pruned
from tvm_patch.tflite.build_base import make_quantization
from tvm_patch.tflite.model import Model, Operator, Quantization, Tensor

# Data, weight and bias among the inputs of what multiplies by weights.
_WEIGHTED = dict.fromkeys((*CONVOLUTIONS, "FULLY_CONNECTED"), (0, 1, 2)) | {"TRANSPOSE_CONV": (2, 1, 3)}
# What hands on integers as they are, so that what it makes has the scale of what it reads.
_KEEP_SCALE = words(
    "RESHAPE TRANSPOSE PAD MAX_POOL_2D AVERAGE_POOL_2D REDUCE_MAX RESIZE_NEAREST_NEIGHBOR RESIZE_BILINEAR SPLIT_V "
    "STRIDED_SLICE GATHER TILE"
)
# What wants one scale of several tensors; all other operators take an input of any scale.
_SHARE_SCALE = words("CONCATENATION MAXIMUM MINIMUM PADV2")

Places = dict[int, int]
"""What stands for tensors of the old model; those that are missing stand for themselves."""


def edit_model(model: Model, edits: Sequence[Edit]) -> Model:
    """Return `model` with edits carried out.

    Scales of the tensors that stay are kept.  A removed block leaves its input in its place, with the input's scale;
    biases of what reads it are rescaled.  An inserted block is a copy of another one's weights with a projection of
    zeros, and its addition makes the scale of its input, so that it hands its input on bit for bit.

    Parameters
    ----------
    model : Model
        In canonical form: :attr:`tvm_patch.frontend.Imported.canonical`.
    edits : sequence of Edit
        Of tensors of `model`; an empty sequence changes nothing.

    Raises
    ------
    UnsupportedError
        When an edit names what is not there, contradicts another one, or would change a tensor that cannot have
        another scale.
    """
    return _Editor(model, edits).run() if edits else model


class _Editor:
    """One run over one model."""

    def __init__(self, model: Model, edits: Sequence[Edit]) -> None:
        self.model, self.wiring = model, Wiring(model)
        self.blocks = {b.output: b for b in residual_blocks(model)}
        self.sizes: dict[int, tuple[int, int]] = {}
        self.removed: dict[int, ResidualBlock] = {}
        self.inserted: dict[int, list[ResidualBlock]] = {}
        for edit in edits:
            if isinstance(edit, SetKernel):
                self.sizes[self._window(edit)] = edit.size
            elif isinstance(edit, RemoveBlock):
                self._remove(edit)
            else:
                self._insert(edit)
        for tensor in self.inserted.keys() & self.removed.keys():
            raise UnsupportedError(
                "its block is removed",
                f"tensor {model.tensors[tensor].name}",
                "insert the new block after another tensor",
            )
        self.tensors = list(model.tensors)
        self.operators: list[Operator] = []
        self.names = UniqueNames()
        for tensor_ in model.tensors:
            self.names.take(tensor_.name)

    # ------------------------------------------------------------------ checks

    def _tensor(self, name: str) -> int:
        if name not in self.wiring.named:
            raise UnsupportedError("no such tensor", f"tensor {name}", "take a name from tvm-patch inspect")
        return self.wiring.named[name]

    def _window(self, edit: SetKernel) -> int:
        tensor = self._tensor(edit.operator)
        made_by = self.wiring.producers.get(tensor)
        if made_by is None or made_by.kind not in CONVOLUTIONS:
            raise UnsupportedError("not made by a convolution", f"tensor {edit.operator}")
        return tensor

    def _block(self, name: str) -> ResidualBlock:
        self._tensor(name)
        if name not in self.blocks:
            raise UnsupportedError(
                "not made by a residual block",
                f"tensor {name}",
                "take the sum at the end of an inverted residual block with a skip",
            )
        return self.blocks[name]

    def _remove(self, edit: RemoveBlock) -> None:
        block, tensor = self._block(edit.output), self._tensor(edit.output)
        if tensor in self.model.outputs:
            raise UnsupportedError("an output of the network cannot be removed", f"tensor {edit.output}")
        self.removed[tensor] = block

    def _insert(self, edit: InsertBlock) -> None:
        after, block = self._tensor(edit.after), self._block(edit.like)
        tensor = self.model.tensors[after]
        if (tensor.shape, tensor.dtype) != (block.shape, "int8"):
            raise UnsupportedError(
                f"a block for {list(block.shape)} does not fit {list(tensor.shape)} of {tensor.dtype}",
                f"tensor {edit.after}",
                "copy a block of the same stage",
            )
        activation = _activation(self.wiring.producers[self._tensor(edit.like)])
        if activation not in ("NONE", _activation(self.wiring.producers.get(after))):
            raise UnsupportedError(
                f"a block with {activation} after its addition changes what has no {activation}",
                f"tensor {edit.after}",
                "insert it directly behind the block that it copies",
            )
        self.inserted.setdefault(after, []).append(block)

    # ------------------------------------------------------------------ the walk

    def run(self) -> Model:
        places: Places = {}
        for index in self.model.inputs:
            self._extend(index, places)
        for op in self.model.operators:
            block = self.removed.get(op.outputs[0])
            if block is not None:
                source = self.wiring.named[block.input]
                places[op.outputs[0]] = places.get(source, source)
                continue
            self._write(op, places)
            for index in op.outputs:
                self._extend(index, places)
        outputs = tuple(places.get(i, i) for i in self.model.outputs)
        edited = replace(
            self.model, tensors=tuple(self.tensors), operators=tuple(self.operators), outputs=outputs
        )
        return pruned(edited)

    def _extend(self, tensor: int, places: Places) -> None:
        """Write the blocks to insert after a tensor, which is there by now."""
        for block in self.inserted.get(tensor, ()):
            places[tensor] = self._copy(block, places.get(tensor, tensor))

    def _copy(self, block: ResidualBlock, after: int) -> int:
        """Write a copy of `block` that reads `after`; return what it makes."""
        old = self.wiring.named
        places = {old[block.input]: after}
        for name in block.tensors:
            places[old[name]] = self._add(self.model.tensors[old[name]])
        output = places[old[block.output]]
        self.tensors[output] = replace(self.tensors[output], quantization=self.tensors[after].quantization)
        for op in self.model.operators:
            if self.model.tensors[op.outputs[0]].name in block.tensors:
                self._write(op, places, silent=old[block.project] in op.outputs)
        return output

    def _add(self, tensor: Tensor) -> int:
        self.tensors.append(replace(tensor, name=self.names.take(tensor.name)))
        return len(self.tensors) - 1

    def _constant(self, name: str, data: np.ndarray, quantization: Quantization | None = None) -> int:
        data = np.ascontiguousarray(data)
        return self._add(Tensor(name, data.shape, str(data.dtype), quantization, data))

    # ------------------------------------------------------------------ operators

    def _write(self, op: Operator, places: Places, silent: bool = False) -> None:
        """Write an operator, with what the edits change about it; a silent one makes zeros."""
        made = replace(
            op,
            inputs=tuple(places.get(i, i) for i in op.inputs),
            outputs=tuple(places.get(i, i) for i in op.outputs),
        )
        self._hand_on_scale(op, made)
        if op.outputs[0] in self.sizes:
            made = self._resized(op, made, places)
        if op.kind in _WEIGHTED:
            made = self._weighted(op, made, silent)
        self.operators.append(made)

    def _hand_on_scale(self, op: Operator, made: Operator) -> None:
        changed = [
            self.tensors[new].quantization
            for old, new in zip(op.inputs, made.inputs, strict=True)
            if old >= 0 and self.model.tensors[old].quantization != self.tensors[new].quantization
        ]
        if not changed or op.kind not in _KEEP_SCALE | _SHARE_SCALE:
            return
        if op.kind in _SHARE_SCALE or not set(op.outputs).isdisjoint(self.model.outputs):
            raise UnsupportedError(
                "it depends on the scale of a block that is removed or put in front of it",
                f"{op.kind} making tensor {self.model.tensors[op.outputs[0]].name}",
                "move another block",
            )
        for index in made.outputs:
            self.tensors[index] = replace(self.tensors[index], quantization=changed[0])

    def _weighted(self, op: Operator, made: Operator, silent: bool) -> Operator:
        """Return `made` with the bias that belongs to the scale of its input, or with weights and bias of zero."""
        data, weight, bias = _WEIGHTED[op.kind]
        inputs = list(made.inputs)
        before, now = self.model.tensors[op.inputs[data]], self.tensors[inputs[data]]
        kernel = self.tensors[inputs[weight]]
        if silent:
            inputs[weight] = self._constant(kernel.name, np.zeros_like(kernel.data), kernel.quantization)
        if bias < len(inputs) and inputs[bias] >= 0 and (silent or _scale(before) != _scale(now)):
            old = self.tensors[inputs[bias]]
            assert old.data is not None, "checked at import"
            assert kernel.quantization is not None, "checked at import"
            # The kernels take a bias in units of input scale × weight scale whatever the file says of it.
            values = np.rint(old.data * (0.0 if silent else _scale(before) / _scale(now)))
            limits = np.iinfo(np.int32)
            grid = make_quantization(kernel.quantization.scale * np.float32(_scale(now)))
            inputs[bias] = self._constant(
                old.name, values.clip(limits.min, limits.max).astype(np.int32), grid
            )
        return replace(made, inputs=tuple(inputs))

    # ------------------------------------------------------------------ windows

    def _resized(self, op: Operator, made: Operator, places: Places) -> Operator:
        """Return a convolution whose window has another size.

        A PAD in front of it counts as its padding and is left out: only so can padding shrink.
        """
        size, kernel = self.sizes[op.outputs[0]], self.tensors[op.inputs[1]]
        assert kernel.data is not None, "checked at import"
        try:
            weight = resized_kernel(kernel.data, size)
        except UnsupportedError as error:
            raise error.at(f"tensor {self.model.tensors[op.outputs[0]].name}") from error
        source, borders = self._without_pad(op.inputs[0])
        axes = []
        for k, side in enumerate("hw"):
            axis = Axis(
                kernel.shape[k + 1],
                op.options[f"stride_{side}"],
                op.options[f"dilation_{side}_factor"],
                borders[k][0],
                self.model.tensors[source].shape[k + 1],
                self.model.tensors[op.outputs[0]].shape[k + 1],
            )
            if op.options["padding"] == "SAME":
                inner = replace(axis, extent=axis.extent + sum(borders[k]))
                axis = replace(axis, before=axis.before + inner.same(axis.taps)[0])
            axes.append(axis)
        padding = [axis.resized(taps) for axis, taps in zip(axes, size, strict=True)]
        word, data = "SAME", places.get(source, source)
        if padding != [axis.same(taps) for axis, taps in zip(axes, size, strict=True)]:
            word = "VALID"
            if padding != [(0, 0), (0, 0)]:
                data = self._pad(data, padding, op)
        inputs = (data, self._constant(kernel.name, weight, kernel.quantization), *made.inputs[2:])
        return replace(made, inputs=inputs, options={**op.options, "padding": word})

    def _without_pad(self, tensor: int) -> tuple[int, list[tuple[int, int]]]:
        """Return what a PAD of rows and columns reads, and its borders; `tensor` and none if it is nothing such."""
        op, tensors = self.wiring.producers.get(tensor), self.model.tensors
        if op is not None and op.kind in ("PAD", "PADV2"):
            grid, values = tensors[tensor].quantization, [tensors[i].data for i in op.inputs[1:]]
            borders = [(int(a), int(b)) for a, b in np.asarray(values[0])]
            zero = op.kind == "PAD" or (grid is not None and np.all(values[1] == grid.zero_point))
            if zero and len(borders) == 4 and borders[0] == borders[3] == (0, 0):
                return op.inputs[0], borders[1:3]
        return tensor, [(0, 0), (0, 0)]

    def _pad(self, data: int, padding: list[tuple[int, int]], op: Operator) -> int:
        """Write a PAD for padding that TFLite has no word for; return what it makes."""
        tensor, name = self.tensors[data], f"{self.model.tensors[op.outputs[0]].name}_padded"
        borders = np.array([(0, 0), *padding, (0, 0)], np.int32)
        shape = tuple(d + int(b.sum()) for d, b in zip(tensor.shape, borders, strict=True))
        padded = self._add(replace(tensor, name=name, shape=shape))
        self.operators.append(Operator("PAD", (data, self._constant(f"{name}_by", borders)), (padded,)))
        return padded


def _activation(op: Operator | None) -> Any:
    return None if op is None else op.options.get("fused_activation_function", "NONE")


def _scale(tensor: Tensor) -> float:
    assert tensor.quantization is not None, "checked at import"
    return float(tensor.quantization.scale[0])
