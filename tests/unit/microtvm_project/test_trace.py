"""QEMU's log: which blocks were executed, in which part."""

from __future__ import annotations

from microtvm_project.cycles.trace import Trace

LOG = b"""----------------
IN: kernel
0x00000100:  fb21 4302  smlad    r3, r1, r2, r4
0x00000104:  4770       bx       lr

Trace 0: 0x7f64b8000100 [00800408/00000100/00000110/ff020200] kernel
Trace 0: 0x7f64b8000100 [00800408/00000100/00000110/ff020200] kernel
----------------
IN: hook
0x00000200:  4770       bx       lr

Trace 0: 0x7f64b8000300 [00800408/00000200/00000110/ff020200] hook
Trace 0: 0x7f64b8000100 [00800408/00000100/00000110/ff020200] kernel
"""


def test_the_log_is_counted_by_part():
    trace = Trace("cortex-m4")
    trace.read(LOG.splitlines(keepends=True), [range(0x100, 0x108)], 0x200)
    assert trace.blocks[0x100] == ("smlad r3, r1, r2, r4", "bx lr")
    assert [dict(p) for p in trace.parts] == [{0x100: 2}, {0x100: 1}]
    assert [trace.instructions(p) for p in trace.parts] == [4, 2]
    assert [trace.cycles(p) for p in trace.parts] == [8, 4]
