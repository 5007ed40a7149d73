"""C of fused segments, bands, fetched rows and second passes: no warning anywhere, nothing for the sanitizers."""

from __future__ import annotations

import subprocess
from functools import cache

import pytest

import tvm_patch
from tests.plans.cases import CASES, network
from tests.sanitizers import sanitizers
from tests.unit.codegen.test_c_is_clean import COMPILERS, STRICT
from tvm_patch.driver import check, random_inputs
from tvm_patch.driver.front import legalize

pytestmark = pytest.mark.slow

QUICK = ("bands", "patches", "streamed", "two-passes")
QUICK_OR_VERIFY = [pytest.param(case, marks=() if case in QUICK else pytest.mark.verify) for case in CASES]


@cache
def _artifact(case: str):
    mode, segments = CASES[case]
    return tvm_patch.compile(network(), name="planned", input_mode=mode, segments=segments)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("case", QUICK_OR_VERIFY)
def test_no_warnings(case, compiler, tmp_path):
    artifact = _artifact(case)
    folder = artifact.save(tmp_path / "artifact")
    includes = [f"-I{folder / d}" for d in artifact.metadata.include_dirs]
    for source in artifact.metadata.sources:
        command = [*COMPILERS[compiler], *STRICT, "-O1", *includes, "-c", str(folder / source)]
        done = subprocess.run([*command, "-o", "/dev/null"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:2000]


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("case", QUICK_OR_VERIFY)
def test_sanitizers_find_nothing(case, compiler):
    artifact = _artifact(case)
    inputs = random_inputs(artifact, 2)
    flags = sanitizers(compiler)
    result = artifact.run(inputs, profile=False, extra_flags=flags, optimize="-O0", compiler=compiler)
    assert check(artifact, network(), inputs, result.outputs).bit_exact


def test_cases_are_what_they_are_called():
    described = legalize(network()).describe()[1]
    segments = {case: make(described) for case, (_, make) in CASES.items()}
    assert any(s.bands == 3 and len(s.operators) > 2 for s in segments["bands"])
    assert any(s.bands > 1 and s.bands % 2 for s in segments["rereadable"])
    assert any(s.numbers["patch_rows"] % 2 for s in segments["patches"])
    assert len(segments["streamed"][0].operators) > 2
    for case in ("two-passes", "two-passes-resident"):
        operators = [i for s in segments[case] for i in s.operators]
        assert len(set(operators)) < len(operators)
