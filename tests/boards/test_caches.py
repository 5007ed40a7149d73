"""The plugin's caches, beside a few lines of Python that replay the accesses of a program written by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.silicon.rebuild import Sources, build, stand_in, trace_elf
from microtvm_project.boards import BOARDS
from microtvm_project.cycles.trace import Trace, plugin_options, read_output
from microtvm_project.elf import read_elf
from microtvm_project.memory_timing import NO_CACHE, Cache, MemoryTiming
from tvm_patch.errors import BoardError

ROUNDS = 3000
# Each round loads from flash at any address, then from RAM, and stores to RAM, at addresses from a linear congruence.
PROGRAM = """
#include "network.h"
const uint8_t in_flash[4100] __attribute__((aligned(64))) = {1};
uint8_t in_ram[4096] __attribute__((aligned(64)));
int network_status;
static int8_t one[1];
int8_t *network_input(void) { return one; }
int8_t *network_output(void) { return one; }
const uint32_t network_input_bytes = 1, network_output_bytes = 1;
__attribute__((naked, noinline)) void walk(const uint8_t *flash, uint8_t *ram, uint32_t rounds) {
  __asm volatile(
      "movs r3, #1\\n"
      "1: add.w r3, r3, r3, lsl #2\\n"
      "addw r3, r3, #1013\\n"
      "ubfx r12, r3, #7, #12\\n"
      "ldr.w r12, [r0, r12]\\n"
      "ubfx r12, r3, #11, #12\\n"
      "bic.w r12, r12, #3\\n"
      "ldr.w r12, [r1, r12]\\n"
      "ubfx r12, r3, #15, #12\\n"
      "bic.w r12, r12, #3\\n"
      "str.w r3, [r1, r12]\\n"
      "subs r2, #1\\n"
      "bne 1b\\n"
      "bx lr\\n");
}
void network_run(void) { walk(in_flash, in_ram, ROUNDS); }
"""
BIG = Cache(256, 2, 32)
CACHES = [NO_CACHE, Cache(1, 1, 16), Cache(1, 8, 16), Cache(16, 2, 32), Cache(8, 4, 32), Cache(32, 4, 32)]


class LeastRecentlyUsed:
    """A cache that replaces the line of its set which was used longest ago."""

    def __init__(self, cache):
        self.cache = cache
        self.sets = [[] for _ in range(cache.sets)]

    def misses(self, address):
        if not self.sets:
            return True
        line = address // self.cache.line
        lines = self.sets[line % len(self.sets)]
        missed = line not in lines
        if not missed:
            lines.remove(line)
        lines.insert(0, line)
        del lines[self.cache.ways :]
        return missed


def accesses(flash: int, ram: int) -> Iterator[tuple[str, int]]:
    x = 1
    for _ in range(ROUNDS):
        x = (5 * x + 1013) % 2**32
        yield "flash", flash + (x >> 7) % 4096
        yield "load", ram + (x >> 11) % 4096 // 4 * 4
        yield "store", ram + (x >> 15) % 4096 // 4 * 4


@pytest.fixture(scope="module", params=["nucleo_h743zi", "nucleo_f446re"])
def walk(request, tmp_path_factory):
    """A board, the program, and its symbols."""
    board = BOARDS[request.param]
    folder = tmp_path_factory.mktemp("walk")
    elf = build(folder, Sources([], [], PROGRAM.replace("ROUNDS", str(ROUNDS)), ("-O2",)), board)
    return board, elf, {s.name: s for s in read_elf(elf).symbols}


def count(walk, tmp_path, data, instruction=BIG, ram_line=6.0):
    board, elf, symbols = walk
    timing = MemoryTiming(instruction, data, 10.0, ram_line, 3.5)
    _, trace = trace_elf(tmp_path, elf, [symbols["walk"]], stand_in(board), timing)
    (part,) = trace.parts
    return part, trace


@pytest.mark.parametrize("cache", CACHES, ids=lambda c: f"{c.sets}x{c.ways}x{c.line}")
def test_data_cache(walk, tmp_path, cache):
    part, _ = count(walk, tmp_path, cache)
    symbols, replay = walk[2], LeastRecentlyUsed(cache)
    missed = [
        (what, replay.misses(at))
        for what, at in accesses(symbols["in_flash"].address, symbols["in_ram"].address)
    ]
    assert part.flash_lines == missed.count(("flash", True)) > 0
    assert part.ram_lines == missed.count(("load", True)) > 0


def test_ram_without_wait_states_is_in_no_cache(walk, tmp_path):
    cache = Cache(8, 4, 32)
    part, _ = count(walk, tmp_path, cache, ram_line=0.0)
    replay = LeastRecentlyUsed(cache)
    flash = [at for what, at in accesses(walk[2]["in_flash"].address, 0) if what == "flash"]
    assert part.flash_lines == sum(replay.misses(at) for at in flash)
    assert part.ram_lines == 0


def test_unaligned_loads_and_lines_of_instructions(walk, tmp_path):
    part, trace = count(walk, tmp_path, BIG)
    code = walk[2]["walk"]
    assert part.unaligned == sum(at % 4 != 0 for _, at in accesses(walk[2]["in_flash"].address, 0))
    assert part.fetched == (code.address + code.size - 1) // 32 - code.address // 32 + 1
    assert trace.instructions(part) == 12 * ROUNDS + 2


def test_a_line_of_instructions_at_a_time_is_fetched_again(walk, tmp_path):
    part, _ = count(walk, tmp_path, BIG, instruction=Cache(1, 1, 16))
    assert ROUNDS < part.fetched < 5 * ROUNDS


def test_counts_are_the_same_every_time(walk, tmp_path):
    first, second = (count(walk, tmp_path, Cache(16, 2, 32))[0] for _ in range(2))
    assert first == second


def test_a_plugin_that_was_not_loaded_is_told(tmp_path):
    with pytest.raises(BoardError, match="did not load the plugin"):
        read_output(Trace("cortex-m7"), tmp_path)


def test_a_plugin_that_does_not_compile_is_told(tmp_path, monkeypatch):
    from microtvm_project.cycles import trace

    (tmp_path / "qemu_plugin").mkdir()
    (tmp_path / "qemu_plugin" / "trace.c").write_text("int;;x")
    monkeypatch.setattr(trace, "TEMPLATES", tmp_path)
    timing = MemoryTiming(BIG, BIG, 10.0, 6.0, 3.5)
    with pytest.raises(BoardError, match="does not compile"):
        plugin_options(tmp_path, [], BOARDS["qemu_m7"], timing, True)
