"""The same bits at every optimisation level of gcc and clang, with and without link-time optimisation."""

from __future__ import annotations

import itertools
import shutil

import pytest

from tests.builds.harness import templates_with
from tests.builds.networks import FAMILIES, NETWORKS, compiled, every_build, families

GCC_LEVELS = ("-O0", "-O1", "-Og", "-Os", "-O2", "-O3")
CLANG_LEVELS = ("-O0", "-Os", "-O2", "-O3")
BUILDS = [(None, level) for level in GCC_LEVELS] + [("clang", level) for level in CLANG_LEVELS]
HOST = [(c, level) for c in ("gcc", "clang") for level in GCC_LEVELS if (c, level) != ("clang", "-Og")]
INSTRUMENTED = (
    ("-fstack-protector-all",),
    ("-finstrument-functions",),
    ("--coverage",),
    ("-fno-omit-frame-pointer",),
    ("-fno-align-functions",),
    ("-fPIC",),
)
# gcc's own; clang spells them differently or asks for another library.
GCC_ONLY = (("-fsanitize-coverage=trace-pc",), ("-mslow-flash-data",), ("-fpatchable-function-entry=1",))


def same(network, board, tmp_path, forms=None, **options):
    expected = compiled(network, forms)
    templates = templates_with(tmp_path / "templates", "hooks.c")
    run = expected.artifact.run(expected.inputs, board=board, profile=False, templates=templates, **options)
    expected.assert_same(run.outputs)


def test_networks_have_every_inner_function():
    assert set().union(*(families(compiled(*build)) for build in every_build())) == FAMILIES


def marked(combinations, quick):
    """Mark all but the quick ones as for `make verify`."""
    return [pytest.param(*c, marks=() if quick(*c) else pytest.mark.verify) for c in combinations]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "forms", "compiler", "level"),
    marked(
        ((*n, *b) for n, b in itertools.product(every_build(), BUILDS)),
        lambda network, forms, compiler, level: forms is None and level in ("-O0", "-Os", "-Og"),
    ),
)
def test_on_cortex_m7(network, forms, compiler, level, tmp_path):
    same(network, "qemu_m7", tmp_path, forms, compiler=compiler, optimize=level)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "compiler", "level"),
    marked(
        ((n, *b) for n, b in itertools.product(NETWORKS, BUILDS)),
        lambda _network, compiler, level: (compiler, level) in ((None, "-O1"), ("clang", "-Os")),
    ),
)
def test_on_cortex_m4(network, compiler, level, tmp_path):
    same(network, "qemu_m4", tmp_path, compiler=compiler, optimize=level)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", [None, "clang"])
@pytest.mark.parametrize("level", ["-Os", pytest.param("-O2", marks=pytest.mark.verify)])
@pytest.mark.parametrize("network", NETWORKS)
def test_with_link_time_optimisation(network, level, compiler, tmp_path):
    if compiler and not shutil.which("ld.lld"):
        pytest.skip("clang's link-time optimisation needs ld.lld (Debian package lld)")
    same(network, "qemu_m7", tmp_path, compiler=compiler, optimize=level, extra_flags=("-flto",))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "compiler", "flags", "level"),
    marked(
        (
            (n, c, f, level)
            for n, c, level in itertools.product(NETWORKS, (None, "clang"), ("-Os", "-O2"))
            for f in INSTRUMENTED + (() if c else GCC_ONLY)
        ),
        lambda network, compiler, _flags, level: network == "dense" and level == "-Os" and not compiler,
    ),
)
def test_with_options_that_change_functions(network, compiler, flags, level, tmp_path):
    same(network, "qemu_m7", tmp_path, compiler=compiler, optimize=level, extra_flags=flags)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "compiler", "level"),
    marked(
        ((n, *b) for n, b in itertools.product(("dense", "depthwise"), HOST)),
        lambda _network, compiler, level: (
            (compiler, level) in (("clang", "-O2"), ("gcc", "-Os"), ("gcc", "-O0"))
        ),
    ),
)
def test_on_the_host(network, compiler, level, tmp_path):
    same(network, "host", tmp_path, compiler=compiler, optimize=level)


@pytest.mark.slow
@pytest.mark.parametrize("flags", [("-DTVMP_NO_ASM", "-ffixed-r9"), ("-DTVMP_NO_DSP",)])
def test_without_assembly(flags, tmp_path):
    """What a build without a register, or without the DSP extension, takes instead."""
    same("dense", "qemu_m7", tmp_path, extra_flags=flags)
