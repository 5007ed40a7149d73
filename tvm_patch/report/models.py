"""What the commands report, as data: the keys of ``--json``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Report(BaseModel):
    """Base of all reports."""

    model_config = ConfigDict(extra="forbid")

    def to_json(self) -> str:
        """Return the report as indented JSON, with a newline at the end."""
        return self.model_dump_json(indent=2) + "\n"


class TensorReport(Report):
    """An input or output.

    Attributes
    ----------
    name, dtype : str
    shape : list of int
    bytes : int
    scale, zero_point
        Quantization; 0 where there is none.
    arena_offset : int or None
        Byte offset in the arena, once planned.
    """

    name: str
    dtype: str
    shape: list[int]
    bytes: int
    scale: float = 0.0
    zero_point: int = 0
    arena_offset: int | None = None


class OperatorReport(Report):
    """One operator.

    Attributes
    ----------
    index : int
    name, kind : str
    macs : int
        Multiply-accumulates.
    output_bytes : int
    output_shape : list of int
    """

    index: int
    name: str
    kind: str
    macs: int = 0
    output_bytes: int = 0
    output_shape: list[int] = Field(default_factory=list)


class OperatorMemory(OperatorReport):
    """One operator and the arena while it runs.

    Attributes
    ----------
    live_bytes, scratch_bytes : int
        Bytes of the arena in use, and of scratch among them.
    segment : int
        Position of its segment in the plan; layer by layer, its own index.
    kernel : str
        The generator of its code, a class in ``tvm_patch/kernels``.
    """

    kernel: str = ""
    live_bytes: int = 0
    scratch_bytes: int = 0
    segment: int = 0


class CompositeReport(Report):
    """Operators of a segment that run as one.

    Attributes
    ----------
    operators : list of int
        Indices in run order.
    rows : int
        Rows that are made at once.
    keeps : bool
        Whether rows between them that the next run needs are kept.
    columns : int
        Columns that are made at once, row by row; 0 where one by one.
    """

    operators: list[int]
    rows: int
    keeps: bool
    columns: int


class SegmentReport(Report):
    """A segment of a plan.

    Attributes
    ----------
    first, last : int
        Indices of its first and last operator.
    operators : list of int
        All of them, in run order; a second pass leaves some out.
    bands : int
        Vertical stripes of its output.
    patch_rows : int
        0, or rows of patches (MCUNetV2's scheme).
    channels : int
        0, or channels of a block.
    composites : list of CompositeReport
        Which of the operators run as one.
    arena_bytes : int
        Bytes of the arena in use while it runs.
    overhead : float
        Multiply-accumulates that it executes over those of its operators.
    """

    first: int
    last: int
    operators: list[int]
    bands: int
    patch_rows: int
    channels: int
    composites: list[CompositeReport]
    arena_bytes: int
    overhead: float

    @property
    def pieces(self) -> str:
        """In how many bands or patches it runs; nothing where it is one."""
        from tvm_patch.planner.composite import Composite
        from tvm_patch.planner.segments import segment_of

        composites = [Composite(tuple(c.operators), c.rows, c.keeps, c.columns) for c in self.composites]
        return segment_of(self.operators, self.bands, self.patch_rows, self.channels, composites).pieces

    @property
    def mark(self) -> str:
        """The same in as few signs as fit over an operator."""
        if self.patch_rows:
            return f"{self.patch_rows}×{self.bands}"
        if self.channels:
            return f"c{self.channels}"
        return f"×{self.bands}" * (self.bands > 1) + "+" * bool(self.composites)


class OperatorRun(OperatorReport):
    """One operator and what it took on a board.

    Attributes
    ----------
    instructions : int or None
        None where the board cannot count.
    cycles : int or None
        An estimate; see :class:`RunReport`.
    """

    instructions: int | None = None
    cycles: int | None = None


class InspectReport(Report):
    """A model without running it: operators, costs and the arena it needs.

    Attributes
    ----------
    model, input_mode, scheme : str
    macs, macs_executed : int
    weight_bytes, constant_bytes : int
        Weights as the network has them, and all constants as compiled for a Cortex-M.
    overhead : float
        ``macs_executed / macs``; 1.0 means that nothing is computed twice.
    arena_bytes, arena_lower_bound : int
        Bytes of the planned arena, and the least that any plan could need.
    arena_optimal : bool
        Whether no plan needs less.
    arena_method : str
        Algorithm that found the plan.
    peak_operator : int or None
        Operator during which most of the arena is in use.
    inputs, outputs : list of TensorReport
    operators : list of OperatorMemory
    segments : list of SegmentReport
        Of the plan; empty layer by layer.
    notes : list of str
        What was mended in the file, chosen of it and left out of it.
    """

    model: str
    input_mode: str
    scheme: str
    macs: int
    macs_executed: int
    overhead: float
    weight_bytes: int
    constant_bytes: int = 0
    arena_bytes: int
    arena_lower_bound: int
    arena_optimal: bool
    arena_method: str
    peak_operator: int | None = None
    inputs: list[TensorReport] = Field(default_factory=list)
    outputs: list[TensorReport] = Field(default_factory=list)
    operators: list[OperatorMemory] = Field(default_factory=list)
    segments: list[SegmentReport] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class BoughtReport(Report):
    """What of an arena was spent on speed.

    Attributes
    ----------
    arena_bytes : int
        More than the least that would do.
    estimated_cycles : int
        Fewer for it.
    """

    arena_bytes: int
    estimated_cycles: int


class CompileReport(Report):
    """An artifact.

    Attributes
    ----------
    model, board, artifact : str
        `artifact` is the folder written.
    input_mode, scheme : str
        As compiled; the scheme is ``custom`` where segments were given by a program.
    segments : int
        Their number.
    macs, macs_executed : int
    overhead : float
        ``macs_executed / macs``, as in :class:`InspectReport`.
    arena_bytes, constant_bytes : int
    bought : BoughtReport or None
        What of the arena was spent on speed; None where it is the least.
    ram_constant_bytes : int
        Of the constants, those that are copied to RAM at start, beside the arena.
    files : int
    inputs, outputs, operators, notes
        As in :class:`InspectReport`.
    """

    model: str
    board: str
    artifact: str
    notes: list[str] = Field(default_factory=list)
    input_mode: str
    scheme: str
    segments: int
    macs: int
    macs_executed: int
    overhead: float
    arena_bytes: int
    bought: BoughtReport | None = None
    constant_bytes: int | None = None
    ram_constant_bytes: int = 0
    files: int = 0
    inputs: list[TensorReport] = Field(default_factory=list)
    outputs: list[TensorReport] = Field(default_factory=list)
    operators: list[OperatorReport] = Field(default_factory=list)


class FlashReport(Report):
    """Flash that one kind of operator takes.

    Attributes
    ----------
    kind : str
        Of operators, or what else there is; see :mod:`tvm_patch.report.flash`.
    code_bytes, constant_bytes : int
    """

    kind: str
    code_bytes: int
    constant_bytes: int


class ScoreReport(Report):
    """One of a list of scores.

    Attributes
    ----------
    index : int
        Its position in the output.
    score : float
        The real number.
    label : str or None
        Its name, where one is known.
    """

    index: int
    score: float
    label: str | None = None


class AnswerReport(Report):
    """What an output holds.

    Attributes
    ----------
    name, dtype : str
    shape : list of int
    highest : list of ScoreReport
        The highest scores, where it is a list of scores.
    first : list of numbers
        Otherwise the first of its numbers, real ones where it is quantized.
    """

    name: str
    dtype: str
    shape: list[int]
    highest: list[ScoreReport] = Field(default_factory=list)
    first: list[float | int | bool] = Field(default_factory=list)


class CyclesReport(Report):
    """What cycles are spent on.

    Attributes
    ----------
    issue, result_stalls, unaligned, fetch, flash_data, ram_data : int
        See :class:`microtvm_project.cycles.Cycles`.
    """

    issue: int
    result_stalls: int
    unaligned: int
    fetch: int
    flash_data: int
    ram_data: int


class RunReport(Report):
    """One inference on a board.

    Attributes
    ----------
    model, board : str
    as_board : str or None
        The board whose memory sizes the emulated one had.
    bit_exact : bool or None
        Whether every output equals the oracle's; None without ``--check``.
    max_abs_diff : int or None
        Largest difference from the oracle, in steps of the output.
    oracle : str or None
        What the outputs were compared with; None without ``--check``, and where no oracle runs the model.
    oracle_refusals : list of str
        Why better oracles do not run the model.
    default_diff : int or None
        Largest difference of the outputs from LiteRT's default kernels, in steps; None where they were not asked.
    notes : list of str
        What was mended in the file, chosen of it and left out of it.
    answers : list of AnswerReport
        What came out.
    cycles : int or None
        An estimate for the core and the memories of the board that is named; None on boards that are not emulated.
    cycles_error_percent : float or None
        How far off the estimate was at most where it could be held against silicon; see ``docs/cycles.md``.
    cycles_parts : CyclesReport or None
        What they are spent on.
    milliseconds : float or None
        The same at the board's clock; None where it has none.
    instructions : int or None
        Of one inference; None where the board cannot count.
    input_mode, scheme : str
    segments : int
        As in :class:`CompileReport`.
    macs, macs_executed : int
    overhead : float
        ``macs_executed / macs``, as in :class:`InspectReport`.
    arena_bytes, static_bytes, stack_bytes, sram_bytes : int or None
        ``sram_bytes`` is the sum of the other three; None where the board cannot tell.
    bought : BoughtReport or None
        As in :class:`CompileReport`.
    ram_constant_bytes : int
        Of ``static_bytes``, weights that are copied to RAM at start.
    flash_bytes : int or None
        Code and constants of the linked firmware.
    flash : list of FlashReport
        The same by kind of operator; empty on the host.
    operators : list of OperatorRun
    inputs, outputs : list of TensorReport
    """

    model: str
    board: str
    as_board: str | None = None
    bit_exact: bool | None = None
    max_abs_diff: int | None = None
    oracle: str | None = None
    oracle_refusals: list[str] = Field(default_factory=list)
    default_diff: int | None = None
    notes: list[str] = Field(default_factory=list)
    answers: list[AnswerReport] = Field(default_factory=list)
    instructions: int | None = None
    cycles: int | None = None
    cycles_error_percent: float | None = None
    cycles_parts: CyclesReport | None = None
    milliseconds: float | None = None
    input_mode: str
    scheme: str
    segments: int
    macs: int = 0
    macs_executed: int = 0
    overhead: float = 1.0
    arena_bytes: int | None = None
    bought: BoughtReport | None = None
    static_bytes: int | None = None
    ram_constant_bytes: int = 0
    stack_bytes: int | None = None
    sram_bytes: int | None = None
    flash_bytes: int | None = None
    flash: list[FlashReport] = Field(default_factory=list)
    operators: list[OperatorRun] = Field(default_factory=list)
    inputs: list[TensorReport] = Field(default_factory=list)
    outputs: list[TensorReport] = Field(default_factory=list)
