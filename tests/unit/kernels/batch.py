"""Runs many kernels in one compiled C program with sanitizers, for TVM's virtual machine and for boards.

Every pointer parameter is a heap block of exactly its size, so that AddressSanitizer sees each access outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import tvm
from tvm import relax

from relay_passes.dialect import evaluate
from tests.unit.kernels import program
from tests.unit.kernels.program import Machine, run_program
from tvm_patch.graph import Graph, Operator, Tensor
from tvm_patch.kernels import Kernel, RowKernel, TensorKernel, kernel_for
from tvm_patch.kernels.describe import describe
from tvm_patch.lowering.program import choose_kernels, lower_program
from tvm_patch.lowering.to_vm import program_to_relax
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.targets import CORTEX_M7, HOST, TARGETS, TIR, Target

_C_TYPES = {"float32": "float", "bool": "uint8_t"}

SANITIZERS = ["-O0", *program.SANITIZERS]


@dataclass
class Case:
    """One operator with inputs."""

    op: Operator
    inputs: list[np.ndarray]
    kernel_class: type[Kernel] | None = None
    known: dict[str, Kernel] = field(default_factory=dict)

    @property
    def kernel(self) -> Kernel:
        """What a board runs."""
        return self.on(HOST)

    @kernel.setter
    def kernel(self, kernel: Kernel) -> None:
        self.known = dict.fromkeys(TARGETS, kernel)

    def on(self, target: Target) -> Kernel:
        """Return what a target runs, or the kernel that was chosen for all."""
        if target.name not in self.known:
            made = self.kernel_class(self.op) if self.kernel_class else kernel_for(self.op, target)
            self.known[target.name] = made
        return self.known[target.name]


def tensor(name: str, shape: Sequence[int], dtype: str = "int8") -> Tensor:
    return Tensor(name, tuple(int(n) for n in shape), dtype)


def make_case(
    kind: str,
    inputs: Sequence[np.ndarray],
    attrs: dict | None = None,
    constants: dict | None = None,
    kernel_class: type[Kernel] | None = None,
) -> Case:
    """Build a case; output shapes and dtypes are what the reference returns."""
    read = tuple(tensor(f"x{i}", x.shape, str(x.dtype)) for i, x in enumerate(inputs))
    probe = Operator(kind, kind, read, (), constants or {}, attrs or {})
    made = evaluate(probe, inputs)
    outputs = tuple(tensor(f"y{i}", y.shape, str(y.dtype)) for i, y in enumerate(made))
    return Case(replace(probe, outputs=outputs), list(inputs), kernel_class)


def _c_type(dtype: str) -> str:
    return _C_TYPES.get(dtype, f"{dtype}_t")


def _function(kernel: Kernel):
    if isinstance(kernel, RowKernel):
        return kernel.row_function()
    assert isinstance(kernel, TensorKernel)
    return kernel.function()


def row_read(window: RowWindow, j: int, height: int) -> str:
    """Return C for the row of an input of so many rows that output row ``y`` is given as row `j` of its window."""
    row = f"(y * {window.stride} + {window.phase}) / {window.divisor} - {window.pad_before} + {j * window.dilation}"
    return f"inside({row}, {height})" if window.inside else row


def _call(index: int, kernel: Kernel) -> str:
    """Return C that reads one case's arrays, calls its function and writes its outputs."""
    op, lines, arguments, frees = kernel.op, [], [], []
    for i, t in enumerate(op.inputs):
        lines.append(f"{_c_type(t.dtype)} *in{i} = ({_c_type(t.dtype)} *)get({t.nbytes});")
        frees.append(f"in{i}")
    for name, array in kernel.constants.items():
        kind = _c_type(str(array.dtype))
        lines.append(f"{kind} *c_{name} = ({kind} *)get({array.nbytes});")
        frees.append(f"c_{name}")
    constants = [f"c_{name}" for name in kernel.constants]
    if kernel.scratch_bytes:
        lines.append(f"int8_t *scratch = (int8_t *)block({kernel.scratch_bytes});")
        constants.append("scratch")
        frees.append("scratch")
    for i, t in enumerate(op.outputs):
        lines.append(f"{_c_type(t.dtype)} *out{i} = ({_c_type(t.dtype)} *)block({t.nbytes});")
    if isinstance(kernel, TensorKernel):
        arguments = [f"in{i}" for i in range(len(op.inputs))] + constants
        arguments += [f"out{i}" for i in range(len(op.outputs))]
        lines.append(f"f{index}({', '.join(arguments)});")
    else:
        assert isinstance(kernel, RowKernel)
        out = op.outputs[0]
        body, done = [], []
        for i, (t, w) in enumerate(zip(op.inputs, kernel.windows, strict=True)):
            kind, height = _c_type(t.dtype), t.shape[1]
            for j in range(w.size):
                row = row_read(w, j, height)
                body.append(
                    f"{kind} *r{i}_{j} = ({kind} *)row_of(in{i}, {height}, {t.nbytes // height}, "
                    f"{t.nbytes // height // t.shape[2]}, {row}, {w.columns_before}, {w.columns_after}, "
                    f"{w.pad_value & 255});"
                )
                arguments.append(f"r{i}_{j}")
                done.append(f"release(r{i}_{j});")
        size = out.size // out.shape[1]
        body.append(f"{_c_type(out.dtype)} *o = ({_c_type(out.dtype)} *)block({out.nbytes // out.shape[1]});")
        body.append(f"f{index}({', '.join([*arguments, *constants, 'o', *['y'] * kernel.numbered])});")
        body.append(f"memcpy(out0 + y * {size}, o, {out.nbytes // out.shape[1]}); release(o);")
        lines.append(f"for (long y = 0; y < {out.shape[1]}; ++y) {{ {' '.join(body + done)} }}")
    lines += [f"put(out{i}, {t.nbytes});" for i, t in enumerate(op.outputs)]
    lines += [f"release({name});" for name in frees]
    return f"static void case{index}(void) {{\n  " + "\n  ".join(lines) + "\n}\n"


def run_c(
    cases: Sequence[Case],
    target: Target,
    folder: Path,
    compiler: Sequence[str] = ("gcc", "-std=c11"),
    machine: Machine = "host",
) -> list[list[np.ndarray]]:
    """Compile all cases into one program, run it and return the outputs of each."""
    kernels = [c.on(target) for c in cases]
    blob = b"".join(
        np.ascontiguousarray(a).tobytes()
        for c, k in zip(cases, kernels, strict=True)
        for a in [*c.inputs, *k.constants.values()]
    )
    functions = {f"f{i}": _function(k) for i, k in enumerate(kernels)}
    calls = [_call(i, k) for i, k in enumerate(kernels)]
    raw = run_program(functions, calls, blob, folder, machine, SANITIZERS, compiler)
    results, offset = [], 0
    for case in cases:
        outputs = []
        for t in case.op.outputs:
            outputs.append(np.frombuffer(raw, t.dtype, t.size, offset).reshape(t.shape))
            offset += t.nbytes
        results.append(outputs)
    return results


def check(cases: Sequence[Case], folder: Path, machine: Machine = "host") -> None:
    """Assert that the kernels of boards and of the virtual machine give the reference's bits for every case."""
    expected = [evaluate(c.op, c.inputs) for c in cases]
    for target in (TIR, HOST) if machine == "host" else (CORTEX_M7,):
        made = run_c(cases, target, folder, machine=machine)
        for case, got, want in zip(cases, made, expected, strict=True):
            for g, w in zip(got, want, strict=True):
                assert g.dtype == w.dtype
                np.testing.assert_array_equal(g, w, err_msg=f"{type(case.on(target)).__name__} {case.op}")


def check_on_virtual_machine(cases: Sequence[Case]) -> None:
    """Assert that the kernels of the virtual machine, built by stock ``tvm.compile``, give the reference's bits."""
    for case in cases:
        graph = Graph((case.op,), case.op.inputs, case.op.outputs)
        kernels = choose_kernels(graph, TIR)
        network = describe(graph, kernels, "one", TIR)
        program = lower_program(graph, kernels, Schedule.of(network, layer_by_layer(network)))
        module = program_to_relax(program)
        machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
        raw = machine["main"](*[tvm.runtime.tensor(x) for x in case.inputs])
        got = [raw] if isinstance(raw, tvm.runtime.Tensor) else list(raw)
        for g, want in zip(got, evaluate(case.op, case.inputs), strict=True):
            np.testing.assert_array_equal(g.numpy(), want, err_msg=str(case.op))
