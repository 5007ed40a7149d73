"""Any name of a tensor compiles, as C and as C++, behind any header."""

from __future__ import annotations

import subprocess

import pytest

import tvm_patch
from tests.unit.codegen.test_c_is_clean import COMPILERS, STRICT
from tvm_patch.codegen.identifiers import c_identifier, unique_identifier
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model

NAMES = (
    *("INT8_MAX", "NULL", "errno", "stdin", "EOF", "assert", "complex", "I", "linux", "unix", "min", "major"),
    *("new", "class", "int", "int8_t", "uint8_t", "size_t", "and", "xor", "bool", "true", "_Bool", "alignas"),
    *(
        "a",
        "A",
        "aB",
        "Ab",
        "a_row",
        "a_1",
        "1",
        "",
        "?",
        "??/",
        "*/ x /*",
        "é",
        'say "hi" \\',
        "x:0;y:0",
        "%s%n",
    ),
    *(
        "run",
        "arena",
        "memory",
        "sources",
        "status",
        "inputs",
        "outputs",
        "bring",
        "unusable",
        "struct",
        "main",
    ),
    *("tvm_patch_tensor", "tvmp_pair", "input_table", "TVMP_STEP", "__attribute__", "restrict", "L" * 300),
)

INCLUDES = """
#include <assert.h>
#include <complex.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include "tvmgen_names.h"
int use(struct tvmgen_names_inputs *inputs, void *arena);
int use(struct tvmgen_names_inputs *inputs, void *arena) { return tvmgen_names_run_in(arena, inputs, 0); }
"""


def network(names) -> bytes:
    b = ModelBuilder("m")
    parts = [b.input(name, (1, 2, 3, 1), scale=0.1, zero_point=3) for name in names]
    b.output(b.concatenation(parts, 3, name="errno"))
    b.output(b.transpose(parts[0], [0, 2, 1, 3], name="NULL"))
    return write_model(b.finish())


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    made = tvm_patch.compile(network(NAMES), name="names")
    return made, made.save(tmp_path_factory.mktemp("names") / "names")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_any_name_compiles(artifact, compiler, tmp_path):
    made, folder = artifact
    user = tmp_path / "user.c"
    headers = [line for line in INCLUDES.splitlines() if not ("cpp" in compiler and "complex.h" in line)]
    user.write_text("\n".join([*headers, ""]))
    includes = [f"-I{folder / d}" for d in made.metadata.include_dirs]
    # Trigraphs are on in strict C11.
    for source in (*(folder / s for s in made.metadata.sources), user):
        command = [*COMPILERS[compiler], *STRICT, *includes, "-c", str(source), "-o", "/dev/null"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:2000]


@pytest.mark.slow
def test_it_runs():
    from tvm_patch.driver import check, random_inputs

    data = network(NAMES)
    artifact = tvm_patch.compile(data)
    inputs = random_inputs(artifact, 2)
    assert check(artifact, data, inputs, artifact.run(inputs).outputs).bit_exact


def test_names_stay_where_nothing_minds_them():
    assert c_identifier("serving_default_image:0") == "serving_default_image_0"
    assert c_identifier("StatefulPartitionedCall") == "StatefulPartitionedCall"
    assert c_identifier("Identity") == "Identity"


def test_names_differ_in_capitals_too():
    taken: list[str] = []
    for name in NAMES * 2:
        taken.append(unique_identifier(name, "t", taken))
    assert len({name.upper() for name in taken}) == len(taken)
