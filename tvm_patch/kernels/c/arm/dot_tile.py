"""A register tile of a dot product: what its inner loop is made for."""

from __future__ import annotations

from dataclasses import dataclass, field

from tvm_patch.kernels.c.arm.dot_steps import single_step
from tvm_patch.kernels.c.arm.dot_steps_dual import DUAL_STEPS
from tvm_patch.kernels.c.arm.dot_steps_joined import Begin, joined_step
from tvm_patch.kernels.c.arm.rescaling import Rescaling


@dataclass(frozen=True)
class DotLoop:
    """How the loop over inputs is written, whatever becomes of its sums.

    Attributes
    ----------
    pixels : int
        1 to 3.
    channels : int
        Of a group: 2, or 4 for one pixel.
    unroll : int
        Fours of inputs an iteration.
    direct : bool
        Whether the single pixel is read as int8 and widened on the way, by every group again: no scratch is needed.
    straight : int
        Fours of inputs, where the code is for so many only and has no loop over them; 0 for any number.
    dual : bool
        Whether the code is for a core that issues two instructions a cycle; see
        :mod:`tvm_patch.kernels.c.arm.dot_product_dual`.
    joined : bool
        Whether weights are joined, on a core that issues one; see :mod:`tvm_patch.kernels.c.arm.dot_steps_joined`.
    """

    pixels: int
    channels: int
    unroll: int
    direct: bool = False
    straight: int = 0
    dual: bool = False
    joined: bool = False

    def __post_init__(self) -> None:
        if (self.pixels, self.channels) not in ((1, 2), (1, 4), (2, 2), (3, 2)):
            raise ValueError(f"no tile of {self.channels} channels and {self.pixels} pixels")
        if self.direct and self.pixels != 1:
            raise ValueError("only a single pixel is read directly")
        if self.joined and self.dual:
            raise ValueError("weights are joined for a core that issues one instruction a cycle")

    @property
    def begins_at_number(self) -> bool:
        """Whether sums begin at numbers that stand before the weights."""
        return False

    @property
    def quad_bytes(self) -> int:
        """Bytes of the pixels that four inputs of a tile take."""
        return 4 if self.direct else 8 * self.pixels

    @property
    def step_bytes(self) -> int:
        """Bytes of code that four inputs take."""
        if self.dual:
            return 4 * len(DUAL_STEPS[self.channels, self.pixels, self.direct].instructions())
        return 4 * len(self.step())

    def step(self, *, fresh: bool = False) -> list[str]:
        """Return four inputs on a core that issues one instruction a cycle; `fresh` begins the sums."""
        if not self.joined:
            return single_step(self.channels, self.pixels, self.direct, fresh=fresh)
        begin: Begin = "at a number" if self.begins_at_number else "at zero"
        return joined_step(self.channels, self.pixels, self.direct, begin if fresh else "goes on")

    def loop_numbers(self, quads: int) -> tuple[int, int]:
        """Return the arguments for `quads` fours of inputs, at least 1: their bytes, and where the loop is entered."""
        # Some fours stand apart, then the loop is entered such that it ends with a whole iteration.
        entry = (quads - self.apart) % self.unroll * self.step_bytes
        return quads * self.quad_bytes, entry

    @property
    def apart(self) -> int:
        """Fours of inputs that stand before and behind the loop: where there is one, at least so many are needed."""
        return self.apart_of(self.dual, self.joined)

    @staticmethod
    def apart_of(dual: bool, joined: bool) -> int:
        """Return the same for tiles of one kind."""
        return 2 if dual or joined else 1


@dataclass(frozen=True)
class DotTile(DotLoop):
    """What one function is made for; everything else is an argument, so that layers share it.

    Attributes
    ----------
    rescaling : Rescaling
        From sums to int8.
    """

    rescaling: Rescaling = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rescaling.line and not self.joined:
            raise ValueError("only sums of joined weights are rescaled by a line")

    @property
    def begins_at_number(self) -> bool:
        """Whether a line rescales the sums."""
        return self.rescaling.line

    def numbers(self, quads: int, out_step: int) -> tuple[int, ...]:
        """Return the function's last arguments.

        Parameters
        ----------
        quads : int
            Fours of inputs of an output, at least 1.
        out_step : int
            Bytes from one pixel of the output to the next.
        """
        base = (self.rescaling.base,) if self.rescaling.signed else ()
        return (*self.loop_numbers(quads), out_step, *base)
