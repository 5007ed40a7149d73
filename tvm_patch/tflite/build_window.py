"""Builder methods for convolutions, the fully connected layer and pooling.

Layouts are TFLite's: activations NHWC; weights OHWI for a convolution and a transposed one, 1HWO for a depthwise
one, OI for the fully connected layer.  `scale` and `zero_point` are the output's.
"""

from __future__ import annotations

import numpy as np

from tvm_patch.errors import UserError
from tvm_patch.tflite.build_base import BuilderBase, Scale

Pair = int | tuple[int, int]


def pair(value: Pair) -> tuple[int, int]:
    """Return `value` as (height, width)."""
    return (value, value) if isinstance(value, int) else value


def window_extent(extent: int, window: int, stride: int, padding: str, dilation: int = 1) -> int:
    """Return the output extent of a sliding window along one axis.

    Parameters
    ----------
    extent : int
        Input extent.
    window, stride, dilation : int
        Taps, step between outputs, step between taps.
    padding : {"SAME", "VALID"}
        TFLite's padding rule.

    Returns
    -------
    int
        The output extent.

    Raises
    ------
    UserError
        The window is larger than the input, or `padding` is unknown.
    """
    if padding == "SAME":
        return -(-extent // stride)
    if padding != "VALID":
        raise UserError(f"padding is SAME or VALID, not {padding}")
    result = -(-(extent - (window - 1) * dilation) // stride)
    if result <= 0:
        raise UserError(f"a window of {window} taps, {dilation} apart, does not fit into {extent}")
    return result


class WindowMethods(BuilderBase):
    """Convolutions, the fully connected layer and pooling."""

    def conv2d(
        self,
        x: int,
        weight: np.ndarray,
        bias: np.ndarray | None,
        weight_scale: Scale,
        scale: float,
        zero_point: int,
        *,
        stride: Pair = 1,
        padding: str = "SAME",
        dilation: Pair = 1,
        activation: str = "NONE",
        name: str | None = None,
    ) -> int:
        """Add a CONV_2D: `weight` int8 (out, kh, kw, in), `bias` int32 (out,) in units of input × weight scale.

        The file format lets the bias be absent; LiteRT's int8 kernel then refuses to run.
        """
        out_channels, height, width, _ = weight.shape
        inputs = self._weighted_inputs("CONV_2D", x, weight, bias, weight_scale, 0, name)
        return self._window(
            "CONV_2D",
            inputs,
            (height, width),
            out_channels,
            stride,
            padding,
            dilation,
            {"fused_activation_function": activation},
            scale,
            zero_point,
            name,
        )

    def depthwise_conv2d(
        self,
        x: int,
        weight: np.ndarray,
        bias: np.ndarray | None,
        weight_scale: Scale,
        scale: float,
        zero_point: int,
        *,
        stride: Pair = 1,
        padding: str = "SAME",
        dilation: Pair = 1,
        activation: str = "NONE",
        name: str | None = None,
    ) -> int:
        """Add a DEPTHWISE_CONV_2D: `weight` int8 (1, kh, kw, out), out a multiple of the input channels."""
        _, height, width, out_channels = weight.shape
        channels = self.shape(x)[3]
        if out_channels % channels:
            raise UserError(f"{out_channels} depthwise outputs are not a multiple of {channels} inputs")
        inputs = self._weighted_inputs("DEPTHWISE_CONV_2D", x, weight, bias, weight_scale, 3, name)
        return self._window(
            "DEPTHWISE_CONV_2D",
            inputs,
            (height, width),
            out_channels,
            stride,
            padding,
            dilation,
            {"fused_activation_function": activation, "depth_multiplier": out_channels // channels},
            scale,
            zero_point,
            name,
        )

    def transpose_conv(
        self,
        x: int,
        weight: np.ndarray,
        bias: np.ndarray | None,
        weight_scale: Scale,
        scale: float,
        zero_point: int,
        *,
        stride: Pair = 1,
        padding: str = "SAME",
        output_hw: tuple[int, int] | None = None,
        activation: str = "NONE",
        name: str | None = None,
    ) -> int:
        """Add a TRANSPOSE_CONV: `weight` int8 (out, kh, kw, in).

        `output_hw` chooses among the output sizes that map to this input; by default input × stride for SAME,
        (input - 1) × stride + window for VALID.
        """
        out_channels, height, width, _ = weight.shape
        batch, in_height, in_width, _ = self.shape(x)
        stride_h, stride_w = pair(stride)
        if output_hw is None:
            same = padding == "SAME"
            output_hw = (
                in_height * stride_h if same else (in_height - 1) * stride_h + height,
                in_width * stride_w if same else (in_width - 1) * stride_w + width,
            )
        shape = (batch, *output_hw, out_channels)
        _, *weighted = self._weighted_inputs("TRANSPOSE_CONV", x, weight, bias, weight_scale, 0, name)
        size = self._int32_constant("TRANSPOSE_CONV", "output_shape", shape)
        options = {
            "padding": padding,
            "stride_h": stride_h,
            "stride_w": stride_w,
            "fused_activation_function": activation,
        }
        # TFLite's order of inputs: the output's shape first, the data third.
        return self._apply(
            "TRANSPOSE_CONV",
            [size, weighted[0], x, *weighted[1:]],
            shape,
            options=options,
            scale=scale,
            zero_point=zero_point,
            name=name,
            like=x,
        )

    def fully_connected(
        self,
        x: int,
        weight: np.ndarray,
        bias: np.ndarray | None,
        weight_scale: Scale,
        scale: float,
        zero_point: int,
        *,
        activation: str = "NONE",
        keep_num_dims: bool = False,
        name: str | None = None,
    ) -> int:
        """Add a FULLY_CONNECTED: `weight` int8 (out, in); the input is flattened to rows of `in` elements.

        With `keep_num_dims` the output keeps the input's leading dimensions.
        """
        out_features, in_features = weight.shape
        shape = self.shape(x)
        elements = int(np.prod(shape))
        if elements % in_features or (keep_num_dims and shape[-1] != in_features):
            raise UserError(f"an input of shape {list(shape)} is not made of rows of {in_features}")
        lead = shape[:-1] if keep_num_dims else (elements // in_features,)
        return self._apply(
            "FULLY_CONNECTED",
            self._weighted_inputs("FULLY_CONNECTED", x, weight, bias, weight_scale, 0, name),
            (*lead, out_features),
            options={"fused_activation_function": activation, "keep_num_dims": keep_num_dims},
            scale=scale,
            zero_point=zero_point,
            name=name,
        )

    def average_pool2d(
        self,
        x: int,
        window: Pair,
        *,
        stride: Pair | None = None,
        padding: str = "VALID",
        activation: str = "NONE",
        name: str | None = None,
    ) -> int:
        """Add an AVERAGE_POOL_2D; the stride defaults to the window."""
        return self._pool("AVERAGE_POOL_2D", x, window, stride, padding, activation, name)

    def max_pool2d(
        self,
        x: int,
        window: Pair,
        *,
        stride: Pair | None = None,
        padding: str = "VALID",
        activation: str = "NONE",
        name: str | None = None,
    ) -> int:
        """Add a MAX_POOL_2D; the stride defaults to the window."""
        return self._pool("MAX_POOL_2D", x, window, stride, padding, activation, name)

    def _pool(
        self,
        kind: str,
        x: int,
        window: Pair,
        stride: Pair | None,
        padding: str,
        activation: str,
        name: str | None,
    ) -> int:
        height, width = pair(window)
        options = {"filter_height": height, "filter_width": width, "fused_activation_function": activation}
        return self._window(
            kind,
            [x],
            (height, width),
            self.shape(x)[3],
            window if stride is None else stride,
            padding,
            1,
            options,
            None,
            None,
            name,
        )

    def _window(
        self,
        kind: str,
        inputs: list[int],
        window: tuple[int, int],
        channels: int,
        stride: Pair,
        padding: str,
        dilation: Pair,
        options: dict[str, object],
        scale: float | None,
        zero_point: int | None,
        name: str | None,
    ) -> int:
        """Add an operator that slides a window over an NHWC input."""
        batch, height, width, _ = self.shape(inputs[0])
        (stride_h, stride_w), (dilation_h, dilation_w) = pair(stride), pair(dilation)
        shape = (
            batch,
            window_extent(height, window[0], stride_h, padding, dilation_h),
            window_extent(width, window[1], stride_w, padding, dilation_w),
            channels,
        )
        options = {**options, "padding": padding, "stride_h": stride_h, "stride_w": stride_w}
        if kind.endswith("CONV_2D"):
            options |= {"dilation_h_factor": dilation_h, "dilation_w_factor": dilation_w}
        return self._apply(
            kind, inputs, shape, options=options, scale=scale, zero_point=zero_point, name=name
        )

    def _weighted_inputs(
        self,
        kind: str,
        x: int,
        weight: np.ndarray,
        bias: np.ndarray | None,
        weight_scale: Scale,
        axis: int,
        name: str | None,
    ) -> list[int]:
        """Add the constants of a weighted operator; the bias' scale is input × weight scale, as kernels assume."""
        name = self._next_name(kind, name)
        in_scale = np.float32(self.quantization(x)[0])
        inputs = [x, self.constant(name + "/weight", weight, weight_scale, axis=axis)]
        if bias is not None:
            bias_scale = np.atleast_1d(np.asarray(weight_scale, np.float32)) * in_scale
            inputs.append(self.constant(name + "/bias", bias, bias_scale))
        return inputs
