"""Map files of GNU ld: whose bytes are in which memory."""

from __future__ import annotations

import pytest

from microtvm_project.project.link_map import read_map
from tvm_patch.errors import UserError

TEXT = """\
Discarded input sections

 .text.gone     0x00000000       0x99 app/libapp.a(main.c.obj)

Memory Configuration

Name             Origin             Length             Attributes
FLASH            0x08000000         0x00001000         xr
RAM              0x20000000         0x00000800         xw
*default*        0x00000000         0xffffffff

Linker script and memory map

LOAD app/libapp.a

text            0x08000000       0x30
 *(SORT_BY_ALIGNMENT(.text*))
 .text.run      0x08000000       0x10 app/libapp.a(main.c.obj)
                0x08000000                run
 .text.a_name_that_is_too_long_for_its_column
                0x08000010        0xa libmodel.a(lib0.c.obj)
 *fill*         0x0800001a        0x2
 .rodata        0x0800001c       0x10 libmodel.a(lib0.c.obj)
                0x0800002c                . = ALIGN (0x10)

datas           0x20000000        0x8 load address 0x08000030
 .data          0x20000000        0x8 kernel/libkernel.a(init.c.obj)

a_section_with_a_long_name
                0x20000010       0x20
 .noinit        0x20000010       0x20 app/libapp.a(arena.c.obj)

empty           0x20000030        0x0

.debug_info     0x00000000     0x9999
 .debug_info    0x00000000     0x9999 libmodel.a(lib0.c.obj)

.comment        0x08000000       0x26
 .comment       0x08000000       0x26 libmodel.a(lib0.c.obj)
"""


def owner_of(source: str, section: str) -> str:
    if "libmodel" in source or ("arena" in source and section == ".noinit"):
        return "model"
    return "app" if "libapp" in source else "system"


def test_every_byte_has_an_owner(tmp_path):
    file = tmp_path / "x.map"
    file.write_text(TEXT)
    found = read_map(file, {"text", "datas", "a_section_with_a_long_name", "empty"}, owner_of)
    assert {k: (r.origin, r.length) for k, r in found.regions.items()} == {
        "FLASH": (0x08000000, 0x1000),
        "RAM": (0x20000000, 0x800),
    }
    assert found.used == {
        ("FLASH", "app"): 0x10,
        ("FLASH", "model"): 0xA + 0x10,
        ("FLASH", ""): 2 + 4,  # between pieces, and at the end
        ("FLASH", "system"): 8,  # initial values are in flash too
        ("RAM", "system"): 8,
        ("RAM", "model"): 0x20,
        ("RAM", ""): 8,  # between sections
    }
    assert found.total("FLASH") == 0x38
    assert found.total("RAM") == 0x30


def test_what_is_no_map(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_map(tmp_path / "none", (), owner_of)
    (tmp_path / "x").write_text("hello")
    with pytest.raises(UserError, match="not a map file"):
        read_map(tmp_path / "x", (), owner_of)
