"""What a kernel is: a generator of TIR for one operator at one shape, with named parameters.

A kernel is made for one :class:`Operator` and one `config`; everything known at compile time (shapes, zero points,
clamps, tile sizes) becomes a literal in the code it prints.  What it is written in is its `isa`, and a
:class:`tvm_patch.targets.Target` says which ones it runs, best first:

``tir``
    Plain TIR.  Runs wherever TVM's LLVM or C back ends run: on TVM's virtual machine through stock ``tvm.compile``, and
    on boards where nothing better is known.
``c``
    TIR that calls C: the helpers of ``tvm_patch_dsp.h`` (ACLE intrinsics of Cortex-M4/M7 where the compiler defines
    ``__ARM_FEATURE_DSP``, portable C otherwise) and functions that the kernel brings along.  Only the C back end prints
    it; see :mod:`tvm_patch.kernels.c`.

All give the same bits.

Two shapes of kernel exist.  A :class:`RowKernel` makes one output row from the input rows it needs; layers, bands,
patches and streams are all loops around it.  A :class:`TensorKernel` needs whole tensors (softmax, transpose).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.targets import DataMemory, Isa, Target
from tvm_patch.tvm_types import PrimFunc

Preference = Literal["size", "balanced", "speed"]
"""What counts where code could be smaller or faster."""
PREFERENCES: tuple[Preference, ...] = ("size", "balanced", "speed")


class Kernel(ABC):  # noqa: B024 - what is abstract differs between its two subclasses
    """Base of all kernels; see :class:`RowKernel` and :class:`TensorKernel`."""

    kinds: ClassVar[tuple[str, ...]] = ()
    """Operator kinds that this class generates code for."""

    isa: ClassVar[Isa] = "tir"
    """What the code is written in."""

    rank: ClassVar[int] = 0
    """Of the kernels of one kind and isa, those of higher rank are asked first."""

    def __init__(self, op: Operator, config: Mapping[str, Any] | None = None) -> None:
        self.op = op
        self.config = {**self.default_config(op), **(config or {})}

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Tell whether this kernel can compile `op`; see :func:`tvm_patch.kernels.registry.kernel_for`."""
        return True

    @classmethod
    def suits(cls, op: Operator, target: Target) -> bool:
        """Tell whether this kernel, which accepts `op`, is worth it on a core: another one may be faster there."""
        return True

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return the named parameters used when the tuner has said nothing."""
        return {}

    @classmethod
    def config_for(cls, op: Operator, target: Target) -> dict[str, Any]:
        """Return the named parameters that a core wants other than usual."""
        return {}

    def candidates(self) -> list[dict[str, Any]]:
        """Return the configs that a tuner may choose from; all give the same bits."""
        return [dict(self.config)]

    def preferring(self, preference: Preference) -> Kernel:
        """Return the kernel with less code or faster code than usual."""
        return self

    @property
    def traits(self) -> dict[str, Any]:
        """What the time depends on besides shapes and steps, for the tuner's database."""
        return {}

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Arrays for flash by parameter name, in parameter order, packed as the code expects them."""
        return {}

    @property
    def scratch_bytes(self) -> int:
        """Bytes of working memory (4-byte aligned) beyond inputs, outputs and row buffers."""
        return 0

    def within(self, scratch: int) -> Kernel:
        """Return the fastest variant of this kernel with at most `scratch` bytes of it, itself where none is faster.

        Plans are made with little scratch; what the arena has left over is given to kernels afterwards.
        """
        return self

    def by_itself(self, scratch: int) -> Kernel:
        """Return the fastest variant for a segment of this operator alone, with at most `scratch` bytes of it."""
        return self

    @property
    def effort(self) -> float:
        """What one inference takes of what depends on the scratch; 0 for a kernel with one variant only.

        Cycles, estimated.  It compares variants of one kernel that runs by itself, with
        nothing computed twice.
        """
        return 0.0

    def blocked(self, scratch: int, memory: DataMemory, *, alone: bool) -> Kernel:
        """Return this kernel with its loops in the order that waits least for a board's memories, itself if in none.

        Parameters
        ----------
        scratch : int
            Bytes of it at most.
        memory : DataMemory
            The board's.
        alone : bool
            Whether it is a segment of this operator alone, over whole tensors.
        """
        return self

    def constant_reads(self, memory: DataMemory, *, alone: bool) -> int:
        """Return how often an inference streams each constant from behind the data cache; 0 where it streams none.

        Parameters are those of :meth:`blocked`.
        """
        return 0

    def room(self, scratch: int) -> int:
        """Return how much of so many bytes of scratch this kernel should take at most."""
        return scratch

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole operator."""
        return 0


class RowKernel(Kernel):
    """A kernel that makes one output row (axis 1 of NHWC, batch 1) per call."""

    rank: ClassVar[int] = 1

    elementwise: ClassVar[bool] = False
    """Whether element i of the output row depends on the same pixel of the input rows only, and is written, in
    ascending order, when all up to element i of them was read for the last time.  Only such kernels may be given an
    output row that overlaps an input row."""

    numbered: ClassVar[bool] = False
    """Whether the function must know which row it makes: rows differ in more than what they read.  No such kernel is
    `bandable`."""

    @property
    def bandable(self) -> bool:
        """Whether any range of output columns can be made by itself (not so for a concatenation along the width)."""
        return not self.numbered

    @property
    def flat(self) -> bool:
        """Whether all rows of whole tensors are made alike from the rows beside them, so that they are one long row.

        Then the output may also overlap an input as rows may: a pixel is written when it and all before are read.
        """
        return False

    @property
    @abstractmethod
    def windows(self) -> tuple[RowWindow, ...]:
        """One window an activation input."""

    def attrs_for(self, columns: int) -> Mapping[str, Any]:
        """Return the operator's attributes for so many columns and rows that already hold their padding."""
        attrs = dict(self.op.attrs)
        if "padding" in attrs:
            top, _, bottom, _ = attrs["padding"]
            attrs["padding"] = [top, 0, bottom, 0]
        return attrs

    @abstractmethod
    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return a private PrimFunc that makes one output row.

        With `dynamic` it has one more parameter at the end, ``columns`` (int32): how many output columns to make,
        at least 1 and at most those of the operator.  Rows are laid out the same; bands of a segment differ in it.
        Row pointers then point at the first buffered column that the first output column to be made reads, and
        nothing beyond what the last one reads is touched.  Raises ValueError if the kernel is not `bandable`.

        Parameters of the function, all ``T.handle(dtype)``, in this order: for input i and window row j
        ``in{i}_row{j}`` (buffered rows when the window is buffered); one per entry of `constants`, by its name;
        ``scratch`` (int8) when `scratch_bytes` > 0; ``out``, the output row of shape (W, C); ``row`` (int32), the
        number of the output row, when the kernel is `numbered`.
        Of rows outside the tensor, a window that is `inside` gets the nearest row of it.
        The output row never overlaps the input rows that it reads, unless the kernel is `elementwise`: then it
        may start at or below the address of an input row of the same size.
        """


class RowReduction(Kernel):
    """A kernel that reads a tensor (1, H, W, C) row by row and has its result after the last one.

    Global pooling, means over rows and columns, fully connected layers; they join the segment before them, so that the
    last wide tensor is never stored.
    """

    positioned: ClassVar[bool] = False
    """Whether what a row adds depends on which row it is.  Only whole rows are added then."""

    @property
    def row_constants(self) -> tuple[str, ...]:
        """Names of the `constants` that rows take; :meth:`finish_function` takes the others."""
        return ()

    @property
    @abstractmethod
    def state_bytes(self) -> int:
        """Bytes of the accumulators, 4-byte aligned."""

    @abstractmethod
    def start_function(self) -> PrimFunc:
        """Return a private PrimFunc (``state`` int32) that clears the accumulators."""

    @abstractmethod
    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return a private PrimFunc (``in0_row0``, one per entry of `row_constants`, ``state``) that adds one row.

        Where the kernel is `positioned` a parameter ``row`` (int32) follows: which row it is.  Otherwise, with
        `dynamic`, ``columns`` (int32): how many columns it has.  Raises ValueError for both.
        """

    @abstractmethod
    def finish_function(self) -> PrimFunc:
        """Return a private PrimFunc (``state``, constants that rows do not take, ``out0``) that writes the result."""


class TensorKernel(Kernel):
    """A kernel that needs its whole inputs."""

    @abstractmethod
    def function(self) -> PrimFunc:
        """Return a private PrimFunc for the whole operator.

        Parameters, all ``T.handle(dtype)``: ``in{i}`` per activation input; one per entry of `constants`;
        ``scratch`` (int8) when `scratch_bytes` > 0; ``out{i}`` per output.
        """

    @property
    def in_place(self) -> tuple[int | None, ...]:
        """Per input: the least (input offset - output offset) in bytes that is safe, or None for no overlap.

        0 means element-wise in place.  Only used where the input dies with this operator.
        """
        return tuple(None for _ in self.op.inputs)
