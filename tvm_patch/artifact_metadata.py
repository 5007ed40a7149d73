"""``metadata.json``: what an artifact says of itself, for people, boards and tools; written and read by one model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from math import isfinite, prod
from pathlib import PurePosixPath
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from tvm_patch.border_mode import BorderMode
from tvm_patch.input_mode import InputMode

FORMAT_VERSION: Literal[1] = 1
"""What ``metadata.json`` says of itself; boards and the compiler read no other."""

ElementType = Literal["int8", "uint8", "int16", "int32", "int64", "float32", "bool"]
"""Numpy's name of an element's type in an artifact's inputs and outputs."""

_ELEMENT_BYTES: dict[ElementType, int] = {
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "int16": 2,
    "int32": 4,
    "float32": 4,
    "int64": 8,
}
_INT32 = range(-(2**31), 2**31)
_INT64 = range(2**63)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BorderEntry(_Entry):
    """An input or output as the .tflite file has it, before anything was folded."""

    name: str = Field(description="as in the file")
    dtype: str = Field(description="numpy's name of its elements' type")
    scale: float = Field(description="of `real = scale * (q - zero_point)`; 0.0 where it is not quantized")
    zero_point: int = Field(description="0 where it is not quantized")

    @model_validator(mode="after")
    def _check_grid(self) -> BorderEntry:
        if not (isfinite(self.scale) and self.scale >= 0 and self.zero_point in _INT32):
            raise ValueError(f"tensor {self.name!r} has scale {self.scale} and zero point {self.zero_point}")
        return self


class ModelInputEntry(BorderEntry):
    """An input as the .tflite file has it."""

    axes: tuple[int, ...] | None = Field(
        description="its axes in the order in which the compiled model's input has them, [0, 2, 3, 1] where NCHW "
        "became NHWC; null where that is the same",
    )

    shape: tuple[int, ...] | None = Field(
        description="its extents, [1, 1960] where a vector became a picture [1, 49, 40, 1]; null where the compiled "
        "model's input has as many dimensions",
    )

    @model_validator(mode="after")
    def _check_axes(self) -> ModelInputEntry:
        if self.axes is not None and sorted(self.axes) != list(range(len(self.axes))):
            raise ValueError(f"tensor {self.name!r} has axes {list(self.axes)}, which are no order")
        return self


class TensorEntry(BorderEntry):
    """An output of the compiled model, or what its inputs have too."""

    dtype: ElementType = Field(description="numpy's name of its elements' type")
    c_name: str = Field(description="member of the C structures, unique among inputs or outputs")
    shape: tuple[int, ...] = Field(description="extents, batch included")
    bytes: int = Field(description="bytes of all its elements")
    arena_offset: int | None = Field(
        description="byte where it begins in the arena; null where it is fetched"
    )

    @property
    def fetched(self) -> bool:
        """Whether it comes row by row instead of lying in the arena."""
        return False

    @model_validator(mode="after")
    def _check_place(self) -> TensorEntry:
        what = f"tensor {self.name!r}"
        if min(self.shape, default=1) < 1:
            raise ValueError(f"{what} is {self.dtype} {list(self.shape)}")
        if self.bytes != prod(self.shape) * _ELEMENT_BYTES[self.dtype]:
            raise ValueError(f"{what} has {self.bytes} bytes, but shape and dtype make others")
        if self.fetched != (self.arena_offset is None):
            raise ValueError(
                f"{what} is {'' if self.fetched else 'not '}fetched, at arena_offset {self.arena_offset}"
            )
        if self.fetched and not (
            len(self.shape) == 4 and self.shape[0] == 1 and _ELEMENT_BYTES[self.dtype] == 1
        ):
            raise ValueError(f"{what}, {self.dtype} {list(self.shape)}, has no rows to fetch")
        return self


class InputEntry(TensorEntry):
    """An input of the compiled model."""

    mode: InputMode = Field(
        description="`resident`: in the arena; `rereadable`: any row can be fetched at any time; "
        "`streamed`: rows come once, in order"
    )

    @property
    def fetched(self) -> bool:
        """Whether it comes row by row instead of lying in the arena."""
        return self.mode != "resident"


class OperatorEntry(_Entry):
    """An operator."""

    index: int = Field(description="position in run order")
    name: str = Field(description="as in the .tflite file")
    kind: str = Field(description="of the integer dialect")
    macs: int = Field(description="multiply-accumulates")
    output_bytes: int = Field(description="bytes of all its outputs")
    output_shape: tuple[int, ...] = Field(description="extents of its first output")
    symbols: tuple[str, ...] = Field(
        description="the functions and constants in the C that it uses, alone or with others"
    )


class CompositeEntry(_Entry):
    """Operators of a segment that run as one."""

    operators: tuple[int, ...] = Field(description="their indices, in run order")
    rows: int = Field(description="rows of the last one's output that are made at once")
    keeps: bool = Field(description="whether rows between them that the next run needs are kept")
    columns: int = Field(description="columns that are made at once, row by row; 0 where one by one")


class SegmentEntry(_Entry):
    """Operators that run together."""

    operators: tuple[int, ...] = Field(description="their indices, in run order")
    bands: int = Field(description="vertical stripes in which it runs")
    patch_rows: int = Field(description="rows of patches; 0 where rows are made on demand")
    channels: int = Field(description="channels of a block; 0 where all are made together")
    composites: tuple[CompositeEntry, ...] = Field(description="which of the operators run as one")
    scratch_bytes: int = Field(description="bytes of the arena for row buffers and kernels' scratch")


class FunctionMemory(_Entry):
    """What microTVM wants to know of a function's memory."""

    constants_size_bytes: int = Field(description="bytes of weights and tables")
    io_size_bytes: int = Field(description="bytes of the inputs and outputs that lie in the arena")
    workspace_size_bytes: int = Field(description="bytes of the arena")


class FunctionMemories(_Entry):
    """The functions of which microTVM wants to know."""

    main: tuple[FunctionMemory] = Field(description="the inference")


class MemoryEntry(_Entry):
    """microTVM's entry."""

    functions: FunctionMemories = Field(description="memory by function")


class BoughtEntry(_Entry):
    """What the arena is larger for than it has to be."""

    arena_bytes: int = Field(description="more than the least")
    estimated_cycles: int = Field(description="fewer for it")


class Metadata(_Entry):
    """What ``metadata.json`` says.

    Raises
    ------
    pydantic.ValidationError
        Something is missing, unknown, of the wrong type, or inconsistent; :func:`explain` says it in words.
    """

    format_version: Literal[1] = Field(description="another number is refused")
    generator: str = Field(description="the program that wrote it, and its version")
    model_name: str = Field(description="a C identifier; names of functions and files contain it")
    style: Literal["full-model"] = Field(description="of a Model Library Format folder")
    executors: tuple[Literal["aot"]] = Field(description="of a Model Library Format folder")
    target: str = Field(description="the processor that the kernels were chosen for")
    arena_bytes: int = Field(
        description="bytes of the static block: activations, row buffers, scratch, inputs, outputs"
    )
    arena_align: int = Field(description="bytes to which that block is aligned, a power of two")
    bought: BoughtEntry | None = Field(
        description="what of the arena was spent on speed; null where it is the least"
    )
    macs: int = Field(description="multiply-accumulates of the network")
    macs_executed: int = Field(description="multiply-accumulates that the code executes")
    inputs: tuple[InputEntry, ...] = Field(description="of the compiled model, in its order")
    outputs: tuple[TensorEntry, ...] = Field(description="of the compiled model, in its order")
    operators: tuple[OperatorEntry, ...] = Field(description="in run order")
    segments: tuple[SegmentEntry, ...] = Field(description="in run order; one an operator layer by layer")
    memory: MemoryEntry = Field(description="microTVM's entry")
    sources: tuple[str, ...] = Field(description="C files to compile, relative to the folder")
    include_dirs: tuple[str, ...] = Field(description="folders in which they look, relative to the folder")
    board: str = Field(description="for which it was compiled")
    io: BorderMode = Field(description="whether the border is int8 or as in the .tflite file")
    model_sha256: str = Field(description="of the .tflite file, hexadecimal")
    model_inputs: tuple[ModelInputEntry, ...] = Field(description="of the .tflite file, before folding")
    model_outputs: tuple[BorderEntry, ...] = Field(description="of the .tflite file, before folding")
    arena_lower_bound: int = Field(description="bytes; no plan of the arena needs fewer")
    arena_method: str = Field(description="the search that planned the arena")
    input_mode: InputMode = Field(description="where the inputs come from")
    prefer: Literal["size", "balanced", "speed"] = Field(description="what the kernels were chosen for")
    signature: str | None = Field(
        description="which of the file's signatures was compiled; null for its first subgraph"
    )
    notes: tuple[str, ...] = Field(
        description="what was mended in the file, chosen of it and left out of it, in words"
    )
    ram_constant_bytes: int = Field(
        description="bytes of weights that are copied from flash to RAM at start, beside the arena"
    )
    scheme: str = Field(
        description="`layer`, `auto` or `mcunetv2` as the plan says, `custom` where a program gave the segments"
    )
    plan: dict[str, JsonValue] | None = Field(
        description="the plan without its alternatives; null where there was none"
    )

    @property
    def constant_bytes(self) -> int:
        """Bytes of weights and tables."""
        return self.memory.functions.main[0].constants_size_bytes

    def to_json(self) -> bytes:
        """Return the file's contents."""
        return (json.dumps(self.model_dump(mode="json"), indent=2) + "\n").encode()

    @field_validator("model_name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
            raise ValueError(f"model_name {name!r} is not a C identifier")
        return name

    @field_validator("sources", "include_dirs")
    @classmethod
    def _check_paths(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in map(PurePosixPath, paths):
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"path {str(path)!r} leaves the artifact")
        if not paths:
            raise ValueError("there are no sources, or no folders of headers")
        return paths

    @model_validator(mode="after")
    def _check_sizes(self) -> Metadata:
        in_memory = (self.arena_bytes, self.arena_align)
        if any(n not in _INT64 for n in (*in_memory, self.macs, self.macs_executed)) or any(
            n not in _INT32 for n in in_memory
        ):
            raise ValueError("it has a size that nothing can have")
        if self.arena_align < 1 or self.arena_align & (self.arena_align - 1):
            raise ValueError(f"arena_align {self.arena_align} is not a power of two")
        return self

    @model_validator(mode="after")
    def _check_borders(self) -> Metadata:
        for side, ours, models in (
            ("inputs", self.inputs, self.model_inputs),
            ("outputs", self.outputs, self.model_outputs),
        ):
            if len(ours) != len(models):
                raise ValueError(f"{side} and model_{side} have different lengths")
        for mine, model in zip(self.inputs, self.model_inputs, strict=True):
            if model.axes is not None and len(model.axes) != len(mine.shape):
                raise ValueError(f"input {mine.name!r} has {len(mine.shape)} axes, model_inputs says others")
            shape = model.shape
            if shape is not None and (min(shape, default=1) < 1 or prod(shape) != prod(mine.shape)):
                raise ValueError(
                    f"input {mine.name!r} is {list(mine.shape)}, model_inputs says {list(shape)}"
                )
        for tensor in (*self.inputs, *self.outputs):
            at = tensor.arena_offset
            if at is not None and (at < 0 or at + tensor.bytes > self.arena_bytes):
                raise ValueError(f"tensor {tensor.name!r} lies outside the arena of {self.arena_bytes} bytes")
        return self

    @model_validator(mode="after")
    def _check_segments(self) -> Metadata:
        known = range(len(self.operators))
        if any(i not in known for s in self.segments for i in s.operators):
            raise ValueError("a segment has an operator that there is not")
        return self


def explain(error: ValidationError) -> str:
    """Return in words the first thing that is wrong with a ``metadata.json``."""
    first = error.errors()[0]
    kind, (*place, key) = first["type"], first["loc"] or ("",)
    if kind == "value_error":
        return str(first["ctx"]["error"])
    if kind == "model_type":
        return f"{_place(first['loc'])} is not an object"
    if kind == "missing":
        return f"no {key!r}" + (f" in {_place(place)}" if place else "")
    if kind == "extra_forbidden":
        return f"{key!r} of {_place(place)} is unknown"
    what = f"an entry of {place[-1]}" if isinstance(key, int) else f"{key!r} of {_place(place)}"
    return f"{what} is {first['input']!r}"


def _place(path: Sequence[int | str]) -> str:
    names = [p for p in path if isinstance(p, str)]
    if not names:
        return "it"
    return f"an entry of {names[-1]}" if isinstance(path[-1], int) else names[-1]
