"""How long code takes on a core, by the instruction, where memory always answers at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from tvm_patch.errors import UserError
from tvm_patch.targets.pipeline import cortex_m4, cortex_m7
from tvm_patch.targets.pipeline.cost import BlockCost
from tvm_patch.targets.pipeline.instruction import Instruction, parse_block

CORES: dict[str, Callable[[Sequence[Instruction]], BlockCost]] = {
    "cortex-m4": cortex_m4.block_cost,
    "cortex-m7": cortex_m7.block_cost,
}
"""What a block costs, by core."""

ERROR_PERCENT = {"cortex-m4": 7, "cortex-m7": 10}
"""How far the cycles, memories included, were from silicon at most, over peers' code that was rebuilt; by core.

``benchmarks.silicon`` prints the rows, ``docs/cycles.md`` says what they are.
"""


@lru_cache(maxsize=65536)
def block_cost(lines: tuple[str, ...], cpu: str) -> BlockCost:
    """Return what a block costs that follows another run of itself, or one like it.

    Parameters
    ----------
    lines : tuple of str
        Disassembly, a line an instruction.
    cpu : str
        Which core, a key of :data:`CORES`.

    Raises
    ------
    UserError
        When there is no model of the core.
    """
    if cpu not in CORES:
        raise UserError(f"cycles of {cpu} cannot be estimated; there is a model of {', '.join(CORES)}")
    return CORES[cpu](parse_block(lines))
