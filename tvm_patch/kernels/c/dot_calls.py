"""What kernels built on dot products emit: widening of inputs and calls of the inner function."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.kernels.c.arm.dot_product import dot_product
from tvm_patch.kernels.c.arm.dot_tile import DotTile
from tvm_patch.kernels.c.arm.function import Functions
from tvm_patch.kernels.c.arm.widen import widen
from tvm_patch.kernels.c.stream import QUAD, DotStream
from tvm_patch.kernels.ir import call, int32_at
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

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
    dual: bool,
    joined: bool,
    at: Expr | int = 0,
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
    dual, joined : bool
        See :func:`tvm_patch.kernels.c.arm.widen.widen`.
    at : Expr or int
        Byte of the scratch where the tile begins.
    """
    if not quads:
        return
    function = widen(pixels, dual=dual, joined=joined)
    called[function.name] = function
    to = T.address_of(scratch[at + first * pixels * _QUAD_BYTES])
    T.evaluate(call("int32", function.name, T.address_of(data[start]), to, quads, step))


def store_rest(
    elements: Sequence[tuple[Buffer, Expr]],
    scratch: Buffer,
    *,
    first: int,
    pixels: int,
    pixel: int,
    step: int,
    joined: bool,
    at: Expr | int = 0,
) -> None:
    """Emit the widening of inputs that make no whole four, filled up with zeros.

    Parameters
    ----------
    elements : sequence of (Buffer, Expr)
        Where they are in the first pixel.
    scratch, first, pixels, step, joined, at
        As for :func:`widen_run`.
    pixel : int
        Which pixel of the tile.
    """
    values = [int32_at(data, element + pixel * step) for data, element in elements]
    values += [T.int32(0)] * (-len(values) % QUAD)
    for k in range(0, len(values), QUAD):
        a, b, c, d = values[k : k + QUAD]
        even, four = call("uint32", "tvmp_pair", a, c), at + (first + k // QUAD) * pixels * _QUAD_BYTES
        if joined:  # the odd ones behind the even ones of all pixels
            odd, place = call("uint32", "tvmp_folded", a, b, c, d), four + 4 * pixel
            for to, word in ((place, even), (place + 4 * pixels, odd)):
                T.evaluate(call("int32", "tvmp_store4", T.address_of(scratch[to]), word))
        else:
            pointer = T.address_of(scratch[four + pixel * _QUAD_BYTES])
            T.evaluate(call("int32", "tvmp_store_words", pointer, even, call("uint32", "tvmp_pair", b, d)))


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
    function = dot_product(tile)
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
