"""What kernels built on dot products emit: widening of inputs, calls of the inner function, the portable form."""

from __future__ import annotations

from collections.abc import Sequence

from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels.arm.dot_tile import DotTile, dot_tile
from tvm_patch.kernels.arm.function import Functions
from tvm_patch.kernels.arm.rescaling import WORDS, Rescaling
from tvm_patch.kernels.arm.widen import widen
from tvm_patch.kernels.ir import Buffer, Expr, accumulate, call, int32_at
from tvm_patch.kernels.requantize import store_int8
from tvm_patch.kernels.stream import QUAD, DotStream, bias_in, byte_at, portable_step

_QUAD_BYTES = 2 * QUAD
"""A widened four."""


def widen_run(
    called: Functions,
    data: Buffer,
    start: Expr,
    scratch: Buffer,
    first: int,
    *,
    pixels: int,
    quads: int,
    step: int,
) -> None:
    """Emit the widening of neighbouring inputs of each pixel of a tile.

    Parameters
    ----------
    called : dict
        Gets the function that is called.
    data, start
        Where the first pixel's inputs begin.
    scratch : Buffer
        Gets them, four by four.
    first : int
        Fours before them in the scratch.
    pixels : int
        Of the tile.
    quads : int
        Fours of inputs.
    step : int
        Bytes from one pixel to the next.
    """
    if not quads:
        return
    function = widen(pixels)
    called[function.name] = function
    to = T.address_of(scratch[first * pixels * _QUAD_BYTES])
    T.evaluate(call("int32", function.name, T.address_of(data[start]), to, quads, step))


def store_rest(
    elements: Sequence[tuple[Buffer, Expr]],
    scratch: Buffer,
    *,
    first: int,
    pixels: int,
    pixel: int,
    step: int,
) -> None:
    """Emit the widening of inputs that make no whole four, filled up with zeros.

    Parameters
    ----------
    elements : sequence of (Buffer, Expr)
        Where they are in the first pixel.
    scratch, first, pixels, step
        As for :func:`widen_run`.
    pixel : int
        Which pixel of the tile.
    """
    values = [int32_at(data, at + pixel * step) for data, at in elements]
    values += [T.int32(0)] * (-len(values) % QUAD)
    for k in range(0, len(values), QUAD):
        a, b, c, d = values[k : k + QUAD]
        to = T.address_of(scratch[((first + k // QUAD) * pixels + pixel) * _QUAD_BYTES])
        even, odd = call("uint32", "tvmp_pair", a, c), call("uint32", "tvmp_pair", b, d)
        T.evaluate(call("int32", "tvmp_store_words", to, even, odd))


def call_dot(
    called: Functions,
    tile: DotTile,
    stream: DotStream,
    words: Buffer,
    pixels: Expr,
    out: Buffer,
    at: Expr,
) -> None:
    """Emit the calls that make all channels of a tile of pixels, from element `at` of the output on."""
    function = dot_tile(tile)
    called[function.name] = function
    outputs = stream.weight.shape[0]
    main = stream.whole_groups * stream.group_words
    parts = [(0, main, 0)]
    if outputs % stream.group:
        parts.append((main, main + stream.group_words, outputs - stream.group))
    for begin, end, channel in parts:
        T.evaluate(
            call(
                "int32",
                function.name,
                T.address_of(words[begin]),
                pixels,
                T.address_of(out[at + channel]),
                T.address_of(words[end]),
                *tile.numbers(stream.quads, outputs),
            )
        )


def emit_portable_dot(
    stream: DotStream,
    rescaling: Rescaling,
    words: Buffer,
    runs: Sequence[tuple[Buffer, Expr, int]],
    out: Buffer,
    at: Expr,
) -> None:
    """Emit all channels of one pixel, output by output.

    Parameters
    ----------
    stream, rescaling, words
        The constants.
    runs : sequence of (Buffer, Expr, int)
        Runs of neighbouring inputs, all of one length: data, first element, elements.
    out, at
        The output and its element for the first channel.
    """
    acc = T.alloc_buffer((1,), "int32")
    outputs = stream.weight.shape[0]

    def add(word_at: Expr, taps: Sequence[Expr]) -> None:
        word = T.bind(words[word_at])
        for j, tap in enumerate(taps):
            accumulate(acc, 0, tap * byte_at(word, j), wraps=False)

    with T.serial(0, len(stream.starts)) as group, T.serial(0, stream.group) as lane:
        channel = T.bind(T.min(group * stream.group, T.int32(outputs - stream.group)) + lane)
        base = T.bind(group * stream.group_words)
        last = T.bind(base + stream.quads * stream.group + lane * WORDS)
        T.buffer_store(acc, bias_in(words[last], rescaling), [0])
        quads = runs[0][2] // QUAD
        for i, (data, start, _) in enumerate(runs):
            if quads:
                with T.serial(0, quads) as q:
                    taps = [int32_at(data, start + q * QUAD + j) for j in range(QUAD)]
                    add(base + (i * quads + q) * stream.group + lane, taps)
        rest = [int32_at(data, start + j) for data, start, n in runs for j in range(quads * QUAD, n)]
        for k in range(0, len(rest), QUAD):
            add(base + (len(runs) * quads + k // QUAD) * stream.group + lane, rest[k : k + QUAD])
        value = portable_step(acc[0], words[last], words[last + 1], rescaling)
        store_int8(out, at + channel, value)
