"""Runs row kernels on random ranges of output columns, and row reductions on random pieces of rows.

Every piece of a row is a heap block of exactly the columns that the contract allows to be touched, so that
AddressSanitizer sees each access outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from relay_passes.dialect import evaluate
from tests.unit.kernels import batch
from tests.unit.kernels.batch import Case, make_case
from tests.unit.kernels.program import Machine, run_program
from tvm_patch.kernels import Kernel, RowKernel, RowReduction, reduction_for
from tvm_patch.kernels.narrow import narrowed
from tvm_patch.targets import CORTEX_M4, CORTEX_M7, HOST, TIR

Rng = np.random.Generator
Range = tuple[int, int]

_PIECE = r"""
static inline void *piece_of(void *row, size_t first, size_t size) {
  void *p = block(size);
  memcpy(p, (const unsigned char *)row + first, size);
  release(row);
  return p;
}
"""


def random_ranges(rng: Rng, width: int) -> list[Range]:
    """Return a few ranges of columns: the whole row, its last column, and others."""
    cuts = [sorted(int(v) for v in rng.choice(width + 1, 2, replace=False)) for _ in range(3)]
    return list(dict.fromkeys([(0, width), (width - 1, width), *((a, b) for a, b in cuts)]))


def narrow_cases(cases: Sequence[Case], seed: int = 5) -> list[Case]:
    """Return the kernels of cases as bands of a fixed width have them, of any width up to five columns less."""
    rng, found = np.random.default_rng(seed), []
    for case in cases:
        width = case.op.outputs[0].shape[2]
        for columns in range(max(1, width - 5), width):
            kernel = narrowed(case.kernel, columns)
            data = [rng.integers(-128, 128, t.shape).astype(t.dtype) for t in kernel.op.inputs]
            narrow = make_case(kernel.op.kind, data, dict(kernel.op.attrs), dict(kernel.op.constants))
            narrow.kernel = kernel
            found.append(narrow)
    return found


def _constants(kernel: Kernel) -> tuple[list[str], list[str]]:
    """Return C that reads a kernel's constants, and the arguments."""
    lines = []
    for name, array in kernel.constants.items():
        kind = batch._c_type(str(array.dtype))
        lines.append(f"{kind} *c_{name} = ({kind} *)get({array.nbytes});")
    names = [f"c_{name}" for name in kernel.constants]
    if kernel.scratch_bytes:
        lines.append(f"int8_t *scratch = (int8_t *)block({kernel.scratch_bytes});")
        names.append("scratch")
    return lines, names


def _row_case(index: int, kernel: RowKernel, ranges: Sequence[Range], in_place: bool) -> str:
    """Return C that makes every range of columns of every output row."""
    op, out = kernel.op, kernel.op.outputs[0]
    lines, constants = _constants(kernel)
    reads = [
        f"{batch._c_type(t.dtype)} *in{i} = ({batch._c_type(t.dtype)} *)get({t.nbytes});"
        for i, t in enumerate(op.inputs)
    ]
    pixel_out = out.nbytes // (out.shape[1] * out.shape[2])
    for x0, x1 in ranges:
        body, done, arguments, target = [], [], [], ""
        for i, (t, w) in enumerate(zip(op.inputs, kernel.windows, strict=True)):
            kind, height = batch._c_type(t.dtype), t.shape[1]
            pixel, row_bytes = t.nbytes // height // t.shape[2], t.nbytes // height
            columns = (x1 - 1 - x0) * w.column_stride + w.column_reach
            if w.column_stride == 0:
                columns = w.columns_before + t.shape[2] + w.columns_after
            for j in range(w.size):
                row = batch.row_read(w, j, height)
                body.append(
                    f"{kind} *r{i}_{j} = ({kind} *)piece_of(row_of(in{i}, {height}, {row_bytes}, {pixel}, {row}, "
                    f"{w.columns_before}, {w.columns_after}, {w.pad_value & 255}), "
                    f"{x0 * w.column_stride * pixel}, {columns * pixel});"
                )
                arguments.append(f"r{i}_{j}")
                if in_place and not target and columns * pixel == (x1 - x0) * pixel_out:
                    target = f"r{i}_{j}"
                else:
                    done.append(f"release(r{i}_{j});")
        kind = batch._c_type(out.dtype)
        body.append(f"{kind} *o = ({kind} *){target or f'block({(x1 - x0) * pixel_out})'};")
        body.append(f"f{index}({', '.join([*arguments, *constants, 'o', str(x1 - x0)])});")
        body.append(f"put(o, {(x1 - x0) * pixel_out});")
        lines.append(f"for (long y = 0; y < {out.shape[1]}; ++y) {{ {' '.join(body + done)} }}")
    lines += [f"release(in{i});" for i in range(len(op.inputs))] + [f"release({c});" for c in constants]
    return f"static void case{index}(void) {{\n  " + "\n  ".join(reads + lines) + "\n}\n"


def _program(
    functions: dict[str, object], cases: Sequence[str], folder: Path, blob: bytes, machine: Machine = "host"
) -> bytes:
    return run_program(functions, [_PIECE, *cases], blob, folder, machine)


def _blob(cases: Sequence[Case], kernels: Sequence[Kernel]) -> bytes:
    return b"".join(
        np.ascontiguousarray(a).tobytes()
        for c, k in zip(cases, kernels, strict=True)
        for a in [*c.inputs, *k.constants.values()]
    )


def check_rows(cases: Sequence[Case], seed: int, folder: Path, machine: Machine = "host") -> None:
    """Assert that the kernels of boards and of the virtual machine make any range of columns with the right bits."""
    rng = np.random.default_rng(seed)
    ranges = [random_ranges(rng, c.op.outputs[0].shape[2]) for c in cases]
    for target in (TIR, HOST) if machine == "host" else (CORTEX_M7,):
        made = [c.on(target) for c in cases]
        kernels = [k for k in made if isinstance(k, RowKernel) and k.bandable]
        assert len(kernels) == len(cases)
        functions = {f"f{i}": k.row_function(dynamic=True) for i, k in enumerate(kernels)}
        texts = [
            _row_case(i, k, r, k.elementwise and i % 2 == 0)
            for i, (k, r) in enumerate(zip(kernels, ranges, strict=True))
        ]
        raw, offset = _program(functions, texts, folder, _blob(cases, kernels), machine), 0
        for case, chosen in zip(cases, ranges, strict=True):
            (want,) = evaluate(case.op, case.inputs)
            for x0, x1 in chosen:
                expected = want[:, :, x0:x1]
                got = np.frombuffer(raw, want.dtype, expected.size, offset).reshape(expected.shape)
                offset += expected.nbytes
                message = f"{type(case.on(target)).__name__} columns {x0}..{x1} {case.op}"
                np.testing.assert_array_equal(got, expected, err_msg=message)
        assert offset == len(raw)


def _reduction_case(index: int, kernel: RowReduction, pieces: Callable[[], Sequence[Range]]) -> str:
    """Return C that reduces whole rows, then, with cleared accumulators, pieces of rows in their order.

    Rows that know their place come from the last to the first, without pieces.
    """

    def place(y: int) -> str:
        return f", {y}" if kernel.positioned else ""

    t, out = kernel.op.inputs[0], kernel.op.outputs[0]
    _, height, width, channels = t.shape
    lines, constants = _constants(kernel)
    taken = ", ".join(f"c_{name}" for name in kernel.row_constants)
    taken = f", {taken}" if taken else ""
    left = [c for c in constants if c.removeprefix("c_") not in kernel.row_constants]
    lines.insert(0, f"int8_t *in0 = (int8_t *)get({t.nbytes});")
    lines.append(f"int32_t *state = (int32_t *)block({kernel.state_bytes});")
    for dynamic in (False,) if kernel.positioned else (False, True):
        lines.append(f"s{index}(state);")
        for y in reversed(range(height)):
            for x0, x1 in pieces() if dynamic else [(0, width)]:
                size, name = (x1 - x0) * channels, f"f{index}"
                lines.append(
                    f"{{ int8_t *p = (int8_t *)block({size}); "
                    f"memcpy(p, in0 + {(y * width + x0) * channels}, {size}); "
                    + (f"d{name}(p, state, {x1 - x0});" if dynamic else f"{name}(p{taken}, state{place(y)});")
                    + " release(p); }"
                )
        lines.append(f"int8_t *out{int(dynamic)} = (int8_t *)block({out.nbytes});")
        lines.append(f"e{index}({', '.join(['state', *left, f'out{int(dynamic)}'])});")
        lines.append(f"put(out{int(dynamic)}, {out.nbytes});")
    lines += ["release(state);", "release(in0);", *(f"release({c});" for c in constants)]
    return f"static void case{index}(void) {{\n  " + "\n  ".join(lines) + "\n}\n"


def _pieces(rng: Rng, width: int) -> list[Range]:
    """Return ranges that make up a row, in any order."""
    cuts = sorted({0, width, *(int(v) for v in rng.integers(0, width + 1, 3))})
    pairs = list(pairwise(cuts))
    return [pairs[i] for i in rng.permutation(len(pairs))]


def check_reductions(cases: Sequence[Case], seed: int, folder: Path, machine: Machine = "host") -> None:
    """Assert that the row reductions of boards and of the virtual machine give the reference's bits."""
    rng = np.random.default_rng(seed)
    for target in (TIR, HOST, CORTEX_M4, CORTEX_M7) if machine == "host" else (CORTEX_M4, CORTEX_M7):
        found = [reduction_for(c.op, target) for c in cases]
        kernels = [k for k in found if k is not None]
        assert len(kernels) == len(cases)
        functions: dict[str, object] = {}
        for i, k in enumerate(kernels):
            functions[f"s{i}"], functions[f"e{i}"] = k.start_function(), k.finish_function()
            functions[f"f{i}"] = k.row_function()
            if not k.positioned:
                functions[f"df{i}"] = k.row_function(dynamic=True)
        texts = [
            _reduction_case(i, k, lambda w=k.op.inputs[0].shape[2]: _pieces(rng, w))
            for i, k in enumerate(kernels)
        ]
        raw, offset = _program(functions, texts, folder, _blob(cases, kernels), machine), 0
        for case, kernel in zip(cases, kernels, strict=True):
            (want,) = evaluate(case.op, case.inputs)
            for way in ("rows",) if kernel.positioned else ("rows", "pieces"):
                got = np.frombuffer(raw, want.dtype, want.size, offset).reshape(want.shape)
                offset += want.nbytes
                np.testing.assert_array_equal(got, want, err_msg=f"{target.name} {way} {case.op}")
        assert offset == len(raw)
