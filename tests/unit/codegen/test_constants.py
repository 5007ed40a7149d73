"""Constants are declared as they are aligned: a compiler that assumes more loads them with instructions that fault."""

from __future__ import annotations

import platform
import re
import subprocess

import pytest

import tvm_patch
from tests.plans.networks import one_of_each

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="reads x86-64 assembly")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("language", [["-std=c11"], ["-x", "c++", "-std=c++17"]], ids=["c", "c++"])
def test_nothing_is_loaded_as_if_aligned_to_16(compiler, language, tmp_path):
    folder = tvm_patch.compile(one_of_each(), name="net").save(tmp_path / "net") / "codegen" / "host" / "src"
    header = (folder / "net_constants.h").read_text()
    arrays = re.findall(r"extern const u?int(?:8|16)_t (tvmgen_\w+)\[(\d+)\];", header)
    large = [name for name, count in arrays if int(count) >= 16]
    assert large
    copies = "\n".join(
        f"void copy_{i}(char *to) {{ memcpy(to, {name}, 16); }}" for i, name in enumerate(large)
    )
    program = tmp_path / "main.c"
    program.write_text(f'#include <string.h>\n#include "net_constants.h"\n{copies}\n')
    made = subprocess.run(
        [compiler, *language, "-O2", "-S", f"-I{folder}", str(program), "-o", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    loads = re.findall(r"\b(\w+)\s+\S*tvmgen_\w+\S*\(%rip\), %xmm", made)
    assert len(loads) >= len(large) or "GOTPCREL" in made
    assert not re.search(r"\bmov(aps|apd|dqa)\s+[^,]*(tvmgen_|\(%rax\))[^,]*, %xmm", made), made
