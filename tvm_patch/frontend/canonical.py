"""Model → model in the form that TVM's frontend always understands.

Constant chains are folded, operators that only rename dimensions become RESHAPE, axes are not negative, masks are
resolved, FULLY_CONNECTED reads two dimensions, optional inputs that are absent are dropped, constants that are
equal are one, and every tensor has a unique name that is a C identifier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tvm_patch.frontend.agreement import check_agreement
from tvm_patch.frontend.fold_constants import evaluate, slices
from tvm_patch.frontend.names import UniqueNames, sanitise
from tvm_patch.frontend.use import Use
from tvm_patch.tflite.model import Model, Operator, Quantization, Tensor


@dataclass(frozen=True)
class Canonical:
    """A rewritten model.

    Attributes
    ----------
    model : Model
        Its operators keep the index that their origin has in the file, for messages.
    sources : mapping of str to int
        Index in the original model of every tensor that was there, by its new name.
    """

    model: Model
    sources: dict[str, int]


def canonicalize(model: Model) -> Canonical:
    """Return `model` in canonical form; what it computes does not change."""
    return _Rewriter(model).run()


class _Rewriter:
    def __init__(self, model: Model) -> None:
        self.model = model
        # Originals first, so that an index means the same tensor in both models until the end.
        self.tensors = list(model.tensors)
        self.operators: list[Operator] = []
        self.outputs = list(model.outputs)
        self.copies: dict[int, int] = {}

    def run(self) -> Canonical:
        for op in self.model.operators:
            check_agreement(self._use(op))
            if len(op.outputs) == 1 and op.outputs[0] not in self.model.outputs:
                output = self.tensors[op.outputs[0]]
                value = evaluate(op, [self.tensors[i] for i in op.inputs if i >= 0], output)
                if value is not None:
                    self.tensors[op.outputs[0]] = replace(output, data=np.asarray(value, order="C"))
                    continue
            _REWRITES.get(op.kind, _Rewriter.keep)(self, op)
        self._own_outputs()
        self._drop_dead()
        return self._compact()

    # ------------------------------------------------------------------ pieces

    def _use(self, op: Operator) -> Use:
        """Return `op` with its tensors as they are known by now."""
        inputs = tuple(self.tensors[i] if i >= 0 else None for i in op.inputs)
        return Use(op, inputs, tuple(self.tensors[i] for i in op.outputs))

    def keep(self, op: Operator) -> None:
        """Emit `op` as it is, without absent trailing inputs."""
        inputs = op.inputs
        while inputs and inputs[-1] < 0:
            inputs = inputs[:-1]
        self.operators.append(replace(op, inputs=inputs))

    def add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def ints(self, values: Sequence[int], name: str = "ints") -> int:
        data = np.array(values, np.int32)
        return self.add(Tensor(name, data.shape, "int32", data=data))

    def reshape(self, op: Operator, source: int, target: int) -> None:
        after = self.tensors[target].shape
        shape = self.ints(after, "shape")
        options = {"new_shape": tuple(after)}
        self.operators.append(Operator("RESHAPE", (source, shape), (target,), options, op.index))

    def constant(self, op: Operator, position: int) -> np.ndarray:
        data = self.tensors[op.inputs[position]].data
        assert data is not None, "checked by check_agreement"
        return data

    # ------------------------------------------------------------------ kinds

    def rewrite_reshape(self, op: Operator) -> None:
        """RESHAPE, SQUEEZE, EXPAND_DIMS: the output tensor's shape says it all."""
        self.reshape(op, op.inputs[0], op.outputs[0])

    def rewrite_pack(self, op: Operator) -> None:
        """PACK: a new dimension in each part, then CONCATENATION."""
        output = self.tensors[op.outputs[0]]
        axis = op.options["axis"] % len(output.shape)
        parts = []
        for index in op.inputs:
            part = self.tensors[index]
            shape = (*part.shape[:axis], 1, *part.shape[axis:])
            parts.append(self.add(replace(part, name=f"{part.name}_unsqueezed", shape=shape, data=None)))
            self.reshape(op, index, parts[-1])
        self._concatenate(op, tuple(parts), axis)

    def rewrite_concatenation(self, op: Operator) -> None:
        """CONCATENATION with an axis that is not negative; of a single part it is a copy."""
        axis = op.options["axis"] % len(self.tensors[op.outputs[0]].shape)
        self._concatenate(op, op.inputs, axis, op.options.get("fused_activation_function", "NONE"))

    def _concatenate(self, op: Operator, parts: tuple[int, ...], axis: int, activation: str = "NONE") -> None:
        if len(parts) == 1:
            self.reshape(op, parts[0], op.outputs[0])
            return
        options = {"axis": axis, "fused_activation_function": activation}
        self.operators.append(Operator("CONCATENATION", parts, op.outputs, options, op.index))

    def rewrite_reduction(self, op: Operator) -> None:
        """MEAN, REDUCE_MAX: axes sorted and not negative."""
        rank = len(self.tensors[op.inputs[0]].shape)
        axes = sorted({int(a) % rank for a in self.constant(op, 1).reshape(-1)})
        self.operators.append(replace(op, inputs=(op.inputs[0], self.ints(axes, "axes"))))

    def rewrite_gather(self, op: Operator) -> None:
        """GATHER with an axis that is not negative."""
        axis = op.options["axis"] % len(self.tensors[op.inputs[0]].shape)
        self.operators.append(replace(op, options={**op.options, "axis": axis}))

    def rewrite_arg_max(self, op: Operator) -> None:
        """ARG_MAX with an axis that is not negative."""
        rank = len(self.tensors[op.inputs[0]].shape)
        axis = int(self.constant(op, 1).reshape(-1)[0]) % rank
        self.operators.append(replace(op, inputs=(op.inputs[0], self.ints([axis], "axis"))))

    def rewrite_split(self, op: Operator) -> None:
        """SPLIT, SPLIT_V: both as SPLIT_V with sizes from the outputs; into one part it is a copy."""
        data, axis_input = (op.inputs[1], 0) if op.kind == "SPLIT" else (op.inputs[0], 2)
        axis = int(self.constant(op, axis_input).reshape(-1)[0]) % len(self.tensors[data].shape)
        if len(op.outputs) == 1:
            self.reshape(op, data, op.outputs[0])
            return
        sizes = [self.tensors[i].shape[axis] for i in op.outputs]
        inputs = (data, self.ints(sizes, "sizes"), self.ints([axis], "axis"))
        self.operators.append(
            Operator("SPLIT_V", inputs, op.outputs, {"num_splits": len(op.outputs)}, op.index)
        )

    def rewrite_strided_slice(self, op: Operator) -> None:
        """STRIDED_SLICE without masks; dimensions that it removes are removed by a RESHAPE."""
        data, output = self.tensors[op.inputs[0]], self.tensors[op.outputs[0]]
        ranges = slices(op, data.shape, *(self.constant(op, p) for p in (1, 2, 3)))
        bounds = [r.indices(d) for r, d in zip(ranges, data.shape, strict=False)]
        shape = tuple(len(range(*b)) for b in bounds) + data.shape[len(bounds) :]
        target = op.outputs[0]
        if shape != output.shape:
            target = self.add(replace(output, name=f"{output.name}_sliced", shape=shape, data=None))
        # Going down, -1 is "before element 0" in `bounds` but the last element in an operator.
        written = [(b, -d - 1 if e < 0 else e, s) for (b, e, s), d in zip(bounds, data.shape, strict=False)]
        columns = [self.ints([w[k] for w in written], "slice") for k in range(3)]
        self.operators.append(
            Operator("STRIDED_SLICE", (op.inputs[0], *columns), (target,), _NO_MASKS, op.index)
        )
        if target != op.outputs[0]:
            self.reshape(op, target, op.outputs[0])

    def rewrite_weighted(self, op: Operator) -> None:
        """Put the axis of the weights' scales where the kind has it (some files do not), and the bias in a row."""
        weight = self.tensors[op.inputs[1]]
        q = weight.quantization
        axis = 3 if op.kind == "DEPTHWISE_CONV_2D" and q is not None and q.per_channel else 0
        if q is not None and q.axis != axis:
            moved = self.add(replace(weight, quantization=Quantization(q.scale, q.zero_point, axis)))
            op = replace(op, inputs=(op.inputs[0], moved, *op.inputs[2:]))
        if op.kind == "DEPTHWISE_CONV_2D":
            # Some converters leave 0 here; the shapes say it.
            multiplier = weight.shape[3] // self.tensors[op.inputs[0]].shape[3]
            op = replace(op, options={**op.options, "depth_multiplier": multiplier})
        position = _BIAS[op.kind]
        if len(op.inputs) > position and op.inputs[position] >= 0:
            bias = self.tensors[op.inputs[position]]
            if bias.data is not None and len(bias.shape) != 1:
                row = self.add(
                    replace(bias, shape=(bias.size,), data=bias.data.reshape(-1), quantization=None)
                )
                op = replace(op, inputs=(*op.inputs[:position], row))
        self.keep(op)

    def rewrite_fully_connected(self, op: Operator) -> None:
        """FULLY_CONNECTED on (batch, inputs); other shapes go through RESHAPE before and after."""
        data, output = self.tensors[op.inputs[0]], self.tensors[op.outputs[0]]
        units, depth = self.tensors[op.inputs[1]].shape[:2]
        batch = data.size // depth
        source, target = op.inputs[0], op.outputs[0]
        if data.shape != (batch, depth):
            source = self.add(replace(data, name=f"{data.name}_flat", shape=(batch, depth), data=None))
            self.reshape(op, op.inputs[0], source)
        if output.shape != (batch, units):
            target = self.add(replace(output, name=f"{output.name}_flat", shape=(batch, units)))
        options = {**op.options, "keep_num_dims": False}
        self.rewrite_weighted(
            replace(op, inputs=(source, *op.inputs[1:]), outputs=(target,), options=options)
        )
        if target != op.outputs[0]:
            self.reshape(op, target, op.outputs[0])

    # ------------------------------------------------------------------ the end

    def _own_outputs(self) -> None:
        """Make every output a tensor of its own: those that are inputs, or outputs already, are copied."""
        taken = set(self.model.inputs)
        for position, index in enumerate(self.outputs):
            if index in taken:
                tensor = self.tensors[index]
                copy = self.add(replace(tensor, name=f"{tensor.name}_copy"))
                self.copies[copy] = index
                self.reshape(Operator("RESHAPE", (), (), {}, len(self.model.operators)), index, copy)
                self.outputs[position] = copy
            taken.add(index)

    def _drop_dead(self) -> None:
        needed = set(self.outputs)
        kept = []
        for op in reversed(self.operators):
            if needed.intersection(op.outputs):
                needed.update(i for i in op.inputs if i >= 0)
                kept.append(op)
        self.operators = kept[::-1]

    def _compact(self) -> Canonical:
        """Keep the tensors in use, merge equal constants, name everything."""
        order = list(self.model.inputs)
        for op in self.operators:
            order += [i for i in (*op.inputs, *op.outputs) if i >= 0]
        order += self.outputs
        biases = {op.inputs[p] for op in self.operators if (p := _BIAS.get(op.kind, 99)) < len(op.inputs)}
        names, places, merged = UniqueNames(), dict[int, int](), dict[Any, int]()
        tensors: list[Tensor] = []
        sources: dict[str, int] = {}
        for index in dict.fromkeys(order):
            tensor = self.tensors[index]
            key = _content(tensor)
            if key is not None and key in merged:
                places[index] = merged[key]
                continue
            name = names.take(sanitise(tensor.name))
            places[index] = len(tensors)
            if key is not None:
                merged[key] = len(tensors)
            if index < len(self.model.tensors) or index in self.copies:
                sources[name] = self.copies.get(index, index)
            grid = _meaning(tensor, index in biases)
            tensors.append(replace(tensor, name=name, shape_signature=None, quantization=grid))
        operators = tuple(
            replace(
                op,
                inputs=tuple(places[i] if i >= 0 else -1 for i in op.inputs),
                outputs=tuple(places[i] for i in op.outputs),
            )
            for op in self.operators
        )
        model = replace(
            self.model,
            tensors=tuple(tensors),
            operators=operators,
            inputs=tuple(places[i] for i in self.model.inputs),
            outputs=tuple(places[i] for i in self.outputs),
        )
        return Canonical(model, sources)


def _meaning(tensor: Tensor, bias: bool) -> Quantization | None:
    """Return what matters of a tensor's quantization: some files have numbers where none are read."""
    q = tensor.quantization
    if q is None or (tensor.dtype in ("int32", "int64") and not bias):
        return None
    return q if q.per_channel else replace(q, axis=0)


def _content(tensor: Tensor) -> Any:
    """Return what makes two constants one, or None for activations."""
    if tensor.data is None:
        return None
    q = tensor.quantization
    grid = (q.scale.tobytes(), q.zero_point.tobytes(), q.axis) if q is not None else None
    return tensor.dtype, tensor.shape, tensor.data.tobytes(), grid


_BIAS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
_NO_MASKS = dict.fromkeys(
    ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0
) | {"offset": False}

_REWRITES: dict[str, Callable[[_Rewriter, Operator], None]] = {
    "RESHAPE": _Rewriter.rewrite_reshape,
    "SQUEEZE": _Rewriter.rewrite_reshape,
    "EXPAND_DIMS": _Rewriter.rewrite_reshape,
    "PACK": _Rewriter.rewrite_pack,
    "CONCATENATION": _Rewriter.rewrite_concatenation,
    "MEAN": _Rewriter.rewrite_reduction,
    "REDUCE_MAX": _Rewriter.rewrite_reduction,
    "GATHER": _Rewriter.rewrite_gather,
    "ARG_MAX": _Rewriter.rewrite_arg_max,
    "SPLIT": _Rewriter.rewrite_split,
    "SPLIT_V": _Rewriter.rewrite_split,
    "STRIDED_SLICE": _Rewriter.rewrite_strided_slice,
    "CONV_2D": _Rewriter.rewrite_weighted,
    "DEPTHWISE_CONV_2D": _Rewriter.rewrite_weighted,
    "TRANSPOSE_CONV": _Rewriter.rewrite_weighted,
    "FULLY_CONNECTED": _Rewriter.rewrite_fully_connected,
}
