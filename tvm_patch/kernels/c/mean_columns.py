"""Mean over the columns of NHWC, row by row, four channels in two words."""

from __future__ import annotations

from tvm_patch.kernels.c.fixed_point import multiply_by_quantized_multiplier
from tvm_patch.kernels.ir import call, load4, row_body
from tvm_patch.kernels.mean_columns import MeanColumns
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, PrimFunc

_LANES = 4
_PACKED_COLUMNS = 256  # as many times -128 are -2**15


@register
class PackedMeanColumns(MeanColumns):
    """One output column, the mean of a row; four channels are summed in two words."""

    isa = "c"
    multiply = staticmethod(multiply_by_quantized_multiplier)

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        _, _, width, channels = self.op.inputs[0].shape
        packed = channels - channels % _LANES if width <= _PACKED_COLUMNS else 0
        with row_body(self, dynamic) as (builder, buffers, _):
            row, out = buffers["in0_row0"], buffers["out"]
            if packed:
                self._emit_packed(row, out, packed)
            if packed < channels:
                self.emit_channels(row, out, packed)
        return builder.get()

    def _emit_packed(self, row: Buffer, out: Buffer, channels: int) -> None:
        _, _, width, stride = self.op.inputs[0].shape
        sums = array("sums", 2, "uint32")
        with loop("quad", 0, channels // _LANES) as quad:
            for i in range(2):
                T.buffer_store(sums, T.uint32(0), [i])
            with loop("x", 0, width) as x:
                word = load4(row, x * stride + quad * _LANES)
                T.buffer_store(sums, call("uint32", "tvmp_sxtab16", sums[0], word), [0])
                T.buffer_store(sums, call("uint32", "tvmp_sxtab16_ror8", sums[1], word), [1])
            for lane in range(_LANES):
                half = "tvmp_low16" if lane < 2 else "tvmp_high16"
                total = bind("total", call("int32", half, sums[lane % 2]))
                self.store(out, quad * _LANES + lane, total)
