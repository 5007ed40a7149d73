"""Mean over the columns of NHWC, row by row: the first half of a squeeze that some converters write as two means."""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels.base import Form, OpView, PrimFunc, RowKernel, RowWindow
from tvm_patch.kernels.fixed_point import clamp_shifted, multiply_by_quantized_multiplier
from tvm_patch.kernels.ir import Buffer, Expr, call, int32_at, load4, row_body
from tvm_patch.kernels.mean import Mean
from tvm_patch.kernels.registry import register

_LANES = 4
_SUM_LIMIT = 1 << 31
_PACKED_COLUMNS = 256  # as many times -128 are -2**15


@register
class MeanColumns(RowKernel):
    """One output column, the mean of a row; in the DSP form four channels are summed in two words."""

    kinds = Mean.kinds

    @classmethod
    def accepts(cls, op: OpView) -> bool:
        """Take NHWC with batch 1, axis 2 alone, kept, of the known formula."""
        data, out = op.inputs[0], op.outputs[0]
        return (
            len(data.shape) == len(out.shape) == 4
            and data.shape[0] == 1
            and data.dtype == "int8"
            and {int(a) % 4 for a in op.attrs["axes"]} == {2}
            and op.attrs["formula"] == "folded"
            and data.shape[2] * 256 < _SUM_LIMIT
        )

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """One row, all of it."""
        width = self.op.inputs[0].shape[2]
        return (RowWindow(column_stride=width, column_reach=width),)

    @property
    def bandable(self) -> bool:
        """Not so: there is one column."""
        return False

    def row_function(self, form: Form, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        _, _, width, channels = self.op.inputs[0].shape
        packed = channels - channels % _LANES if form == "dsp" and width <= _PACKED_COLUMNS else 0
        with row_body(self, dynamic) as (builder, buffers, _):
            row, out = buffers["in0_row0"], buffers["out"]
            if packed:
                self._emit_packed(row, out, packed, form)
            if packed < channels:
                total = T.alloc_buffer((1,), "int32")
                with T.serial(packed, channels) as c:
                    T.buffer_store(total, 0, [0])
                    with T.serial(0, width) as x:
                        value = T.bind(int32_at(row, x * channels + c))
                        T.buffer_store(total, total[0] + value, [0])
                    self._store(out, c, T.bind(total[0]), form)
        return builder.get()

    def _emit_packed(self, row: Buffer, out: Buffer, channels: int, form: Form) -> None:
        _, _, width, stride = self.op.inputs[0].shape
        sums = T.alloc_buffer((2,), "uint32")
        with T.serial(0, channels // _LANES) as quad:
            for i in range(2):
                T.buffer_store(sums, T.uint32(0), [i])
            with T.serial(0, width) as x:
                word = load4(row, x * stride + quad * _LANES)
                T.buffer_store(sums, call("uint32", "tvmp_sxtab16", sums[0], word), [0])
                T.buffer_store(sums, call("uint32", "tvmp_sxtab16_ror8", sums[1], word), [1])
            for lane in range(_LANES):
                half = "tvmp_low16" if lane < 2 else "tvmp_high16"
                total = T.bind(call("int32", half, sums[lane % 2]))
                self._store(out, quad * _LANES + lane, total, form)

    def _store(self, out: Buffer, channel: Expr, total: Expr, form: Form) -> None:
        attrs, count = self.op.attrs, self.op.inputs[0].shape[2]
        centred = T.bind(total - count * int(attrs["input_zero_point"]))
        mean = multiply_by_quantized_multiplier(
            centred, int(attrs["multiplier"]), int(attrs["shift"]), 256 * count, form=form
        )
        T.buffer_store(out, clamp_shifted(mean, int(attrs["output_zero_point"]), -128, 127), [channel])
