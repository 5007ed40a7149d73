"""Redistribute: windows resized, residual blocks taken out early and put in late (MCUNetV2, section 3.2).

The edits themselves are data (:mod:`relay_passes.edits`); what they mean is written here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tvm

from relay_passes.edits import Edit, InsertBlock, RemoveBlock, SetKernel
from relay_passes.quant_graph import QuantGraph
from relay_passes.redistribute_bindings import BindingWriter, Grid, Scope
from relay_passes.residual_blocks import ResidualBlock, blocks_of, linear_step
from relay_passes.straight_line import StraightLine, op_name, replace_main, shape_of
from tvm_patch.errors import UnsupportedError

Var = Any


@tvm.ir.transform.module_pass(opt_level=0, name="Redistribute")
class Redistribute:
    """Carry out edits on a QDQ module: what TFLite import makes, before ``LegalizeQuantized``.

    Scales of the tensors that stay are kept.  A removed block leaves its input in its place, with the input's scale;
    biases of what reads it are rescaled.  An inserted block is a copy of another one's weights with a projection of
    zeros, and its addition makes the scale of its input, so that it hands its input on bit for bit.

    Parameters
    ----------
    edits : sequence of Edit
        Of tensors of the module as it is; an empty sequence changes nothing.

    Raises
    ------
    UnsupportedError
        When an edit names what is not there, contradicts another one, or would change a tensor that cannot have
        another scale.
    """

    def __init__(self, edits: Sequence[Edit]) -> None:
        self.edits = tuple(edits)

    def transform_module(self, module: Any, context: Any) -> Any:
        """Return the edited module."""
        if not self.edits:
            return module
        return replace_main(module, _Editor(StraightLine.main_of(module), self.edits).run())


class _Editor:
    """One run over one function."""

    def __init__(self, line: StraightLine, edits: Sequence[Edit]) -> None:
        self.line = line
        self.graph = QuantGraph(line)
        self.blocks = {b.output: b for b in blocks_of(self.graph)}
        self.kernels: dict[Var, tuple[int, int]] = {}
        self.removed: dict[Var, ResidualBlock] = {}
        self.inserted: dict[Var, list[ResidualBlock]] = {}
        for edit in edits:
            if isinstance(edit, SetKernel):
                self.kernels[self._window(edit)] = edit.size
            elif isinstance(edit, RemoveBlock):
                self._remove(edit)
            else:
                self._insert(edit)
        for tensor in self.inserted:
            if tensor in self.removed:
                raise UnsupportedError(
                    "its block is removed",
                    f"tensor {tensor.name}",
                    "insert the new block after another tensor",
                )
        self.writer = BindingWriter(self.graph, self.kernels)

    # ------------------------------------------------------------------ checks

    def _tensor(self, name: str) -> Var:
        if name not in self.graph.tensors:
            raise UnsupportedError("no such tensor", f"tensor {name}", "take a name from tvm-patch inspect")
        return self.graph.tensors[name]

    def _window(self, edit: SetKernel) -> Var:
        step = linear_step(self.graph, self._tensor(edit.operator))
        if step is None:
            raise UnsupportedError("not made by a convolution", f"tensor {edit.operator}")
        return step

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
        if tensor in self.graph.outputs:
            raise UnsupportedError("an output of the network cannot be removed", f"tensor {edit.output}")
        self.removed[tensor] = block

    def _insert(self, edit: InsertBlock) -> None:
        after, block = self._tensor(edit.after), self._block(edit.like)
        if shape_of(after) != block.shape:
            raise UnsupportedError(
                f"a block for {list(block.shape)} does not fit {list(shape_of(after))}",
                f"tensor {edit.after}",
                "copy a block of the same stage",
            )
        if self.graph.step(after, "relax.quantize") is None:
            raise UnsupportedError("its scale is not written where it is made", f"tensor {edit.after}")
        self.inserted.setdefault(after, []).append(block)

    # ------------------------------------------------------------------ the walk

    def run(self) -> Any:
        scope = Scope()
        for var, value in self.line.bindings:
            if self.line.resolve(var) != var:
                continue  # an alias: readers look through it
            if var in self.removed:
                source = self._tensor(self.removed[var].input)
                scope.new[var] = self.writer.current(source, scope)
                scope.grids[var] = scope.grids.get(source) or self._grid_in(self.removed[var])
                continue
            self.writer.write(var, value, scope)
            for block in self.inserted.get(var, ()):
                scope.new[var] = self._copy(block, var, scope)
        outputs = [self.writer.current(o, scope) for o in self.line.outputs]
        return self.writer.out.finish(outputs, self.line.returns_tuple)

    def _grid_in(self, block: ResidualBlock) -> Grid:
        """Return the grid under which the addition of `block` reads its input."""
        source = self._tensor(block.input)
        for step in self.graph.steps(self._tensor(block.output)):
            value = self.line.values[step]
            if op_name(value) == "relax.dequantize" and self.line.resolve(value.args[0]) == source:
                return self.writer.grid_of(value)
        raise AssertionError("the addition of a block reads its input")

    def _copy(self, block: ResidualBlock, after: Var, scope: Scope) -> Var:
        """Write a copy of `block` that reads what stands for `after`; return what it makes."""
        quantize = self.line.values[self.graph.step(after, "relax.quantize")]
        grid, template = self.writer.grid_of(quantize), self._tensor(block.input)
        project, output = self._tensor(block.project), self._tensor(block.output)
        copy = Scope(
            new={template: scope.new[after]},
            grids={template: grid},
            zero=linear_step(self.graph, project),
            sums={self.graph.step(output, "relax.quantize"): grid},
            outputs={output} if after in self.graph.outputs else set(),
        )
        for name in block.tensors:
            for step in self.graph.steps(self._tensor(name)):
                self.writer.write(step, self.line.values[step], copy)
        return copy.new[output]
