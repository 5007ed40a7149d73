"""Interrupts in the middle of every inner function, and other threads, leave the result right."""

from __future__ import annotations

import pytest

from tests.builds.harness import templates_with
from tests.builds.networks import compiled, every_build
from tvm_patch.errors import BoardError

QUICK = {("dense", None), ("dense", 2), ("depthwise", None)}
BUILDS = [pytest.param(*b, marks=() if b in QUICK else pytest.mark.verify) for b in every_build()]


def interrupted(network, forms, board, threads, tmp_path, **options):
    expected = compiled(network, forms)
    templates = templates_with(tmp_path / "templates", "interrupts.c")
    if threads:
        source = templates / "qemu" / "interrupts.c"
        source.write_text("#define THREADS 1\n" + source.read_text())
    flags = ("-Wl,--wrap=platform_call",)
    run = expected.artifact.run(
        expected.inputs, board=board, profile=False, templates=templates, extra_flags=flags, **options
    )
    expected.assert_same(run.outputs)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [False, True], ids=["handler", "threads"])
@pytest.mark.parametrize("board", ["qemu_m7", "qemu_m4"])
@pytest.mark.parametrize(("network", "forms"), BUILDS)
def test_interrupts_change_nothing(network, forms, board, threads, tmp_path):
    interrupted(network, forms, board, threads, tmp_path)


def test_a_handler_that_spoils_a_register_would_show(tmp_path):
    """The test's own test: without restoring r4 to r11 the result is wrong, or nothing comes out at all."""
    templates = templates_with(tmp_path / "templates", "interrupts.c")
    source = templates / "qemu" / "interrupts.c"
    text = source.read_text()
    spoiled = text.replace("pop {r4-r11, pc}", "pop {r4-r10}\\n add sp, #4\\n pop {pc}")
    assert spoiled != text
    source.write_text(spoiled)
    expected = compiled("dense")
    try:
        run = expected.artifact.run(
            expected.inputs,
            board="qemu_m7",
            profile=False,
            templates=templates,
            extra_flags=("-Wl,--wrap=platform_call",),
            timeout=20,
        )
    except BoardError:
        return
    with pytest.raises(AssertionError):
        expected.assert_same(run.outputs)
