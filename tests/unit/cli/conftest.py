"""A driver that compiles nothing, so that the command line is tested alone and quickly."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from microtvm_project.cycles import Cycles
from microtvm_project.elf import Symbol
from microtvm_project.run import RunResult
from tests.metadata import input_tensor, metadata, operator, tensor
from tests.unit.codegen.networks import small_network
from tests.unit.planner.networks import described
from tvm_patch.cli.app import run_app
from tvm_patch.errors import UnsupportedError
from tvm_patch.graph import Tensor
from tvm_patch.oracle import OracleRefusal
from tvm_patch.planner import ArenaPlan, Network

METADATA = metadata(
    "tiny",
    [input_tensor("x", (1, 4, 4, 3), scale=1 / 255, zero_point=-128)],
    [tensor("y", (1, 2), 48)],
    [operator(0, "first", "conv2d", macs=100), operator(1, "[odd] name", "softmax")],
    arena_bytes=64,
    macs_executed=110,
)


class FakeArtifact:
    def __init__(self):
        self.metadata = METADATA
        self.arena_bytes = METADATA.arena_bytes
        self.contents = types.SimpleNamespace(files={"metadata.json": b"{}"})
        self.inputs = None

    def check_made_from(self, model, name):
        assert model == b"a model"

    def save(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metadata.json").write_bytes(METADATA.to_json())
        return folder

    @classmethod
    def load(cls, folder):
        return cls()

    def run(self, inputs, board="host", as_board=None, profile=True, cycles=False):
        self.inputs = inputs
        result = dict.fromkeys(RunResult.__dataclass_fields__)
        result.update(
            outputs=[[np.zeros((1, 2), np.int8)]], instructions=1200, set_instructions=[1200],
            operator_instructions=[1000, 150], arena_bytes=64, static_bytes=8, stack_bytes=28, sram_bytes=100,
            flash_bytes=5000,
            flash_symbols=(Symbol("conv2d_0", 0, 4000, True, ".model_text"),),
        )  # fmt: skip
        if cycles and board != "host":
            result.update(
                cycles=Cycles(issue=900, flash_data=60), operator_cycles=[Cycles(issue=800), Cycles(issue=99)]
            )
        return RunResult(**result)


def analysis():
    x, a, y = Tensor("x", (1, 4, 4, 3)), Tensor("a", (1, 2)), Tensor("y", (1, 2))
    operators = (
        described(0, "first", "conv2d", (x,), (a,), macs=100, weight_bytes=33),
        described(1, "[odd] name", "softmax", (a,), (y,), scratch_bytes=8),
    )
    offsets = {"x": 0, "a": 48, "y": 0}
    return types.SimpleNamespace(
        network=Network.of("tiny", operators, [x], [y]),
        placement=types.SimpleNamespace(
            arena_bytes=52, tensors=offsets, plan=ArenaPlan(offsets, 50, "greedy_by_size", 50)
        ),
        layers=[
            types.SimpleNamespace(index=0, live_bytes=50, scratch_bytes=0, segment=0),
            types.SimpleNamespace(index=1, live_bytes=12, scratch_bytes=8, segment=1),
        ],
        kernels={0: "DotConv2d"},
        plan=None,
        notes=("a bias was mended",),
        constant_bytes=33,
    )


@pytest.fixture
def driver(monkeypatch):
    """The fake driver, in place of the real one."""
    import tvm_patch

    fake = types.ModuleType("tvm_patch.driver")
    fake.artifact = FakeArtifact()
    fake.difference = 0
    fake.calls = []

    def compile_(model, **options):
        fake.calls.append(options)
        if b"unsupported" in model.read_bytes():
            raise UnsupportedError("no kernel for int16", "operator 3 (conv2d)", "quantize to int8")
        if b"fault" in model.read_bytes():
            raise RuntimeError("two\nlines")
        if b"interrupt" in model.read_bytes():
            raise KeyboardInterrupt
        options["progress"]("half way", 0.5)
        return fake.artifact

    fake.refusal = None

    def check(artifact, data, inputs, outputs, beside_default=False):
        assert data == b"a model"
        assert beside_default
        if fake.refusal is not None:
            raise OracleRefusal(fake.refusal)
        return types.SimpleNamespace(
            bit_exact=fake.difference == 0,
            max_abs_diff=fake.difference,
            oracle="LiteRT BUILTIN_REF",
            refusals=(),
            default_diff=2,
        )

    fake.compile, fake.check, fake.Artifact = compile_, check, FakeArtifact
    fake.analyse = lambda model, io, plan, signature, progress: analysis()
    fake.random_inputs = lambda artifact, count, seed: [[np.full((1, 4, 4, 3), seed, np.int8)]]
    front = types.ModuleType("tvm_patch.driver.front")
    front.read_source = lambda path: (path.read_bytes(), path.stem)
    domain = types.ModuleType("tvm_patch.driver.domain")
    domain.quantized = lambda values, model, artifact: values.astype(artifact.dtype)
    domain.shape_in_model = lambda shape, model: tuple(shape)
    domain.in_shape_of = lambda values, model, artifact: values
    for module in (fake, front, domain):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(tvm_patch, "driver", fake, raising=False)
    return fake


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.tflite"
    path.write_bytes(b"a model")
    return path


@pytest.fixture
def command(capsys, monkeypatch):
    """Run a command line; returns exit code, stdout and stderr."""
    monkeypatch.delenv("TVM_PATCH_TRACEBACK", raising=False)

    def run(*arguments):
        code = run_app([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(small_network())
    return path


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Folder of an artifact; tests work on copies."""
    from tvm_patch import driver

    return driver.compile(small_network(), name="net").save(tmp_path_factory.mktemp("made") / "net")


@pytest.fixture
def artifact(compiled, tmp_path):
    """An artifact folder of the test's own, and its archive beside it."""
    from tvm_patch.driver import Artifact

    return Artifact.load(compiled).save(tmp_path / "artifact")


def listing(folder):
    return {str(p): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


@pytest.fixture
def refused(command, tmp_path):
    """Run a command line that must fail with 2, one line and nothing written; returns the line."""

    def run(*arguments):
        before = listing(tmp_path)
        code, out, err = command(*arguments)
        assert (code, out) == (2, ""), err
        assert err.startswith("error: ")
        assert err.endswith("\n")
        line = err[:-1]
        assert line.isprintable()
        assert listing(tmp_path) == before
        return line

    return run
