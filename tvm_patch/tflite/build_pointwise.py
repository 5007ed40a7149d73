"""Builder methods for arithmetic, activations and conversions between types.

`scale` and `zero_point` are the output's; where left out, those of the (first) input, or the values TFLite
prescribes.
"""

from __future__ import annotations

import numpy as np

from tvm_patch.tflite.build_base import BuilderBase

# The output quantization that TFLite's kernels insist on, for int8: real range [0, 1) or [-1, 1).
_UNIT_RANGE = (1.0 / 256, -128)
_SIGNED_UNIT_RANGE = (1.0 / 128, 0)


class PointwiseMethods(BuilderBase):
    """Arithmetic, activations and conversions between types."""

    def add(
        self,
        a: int,
        b: int,
        scale: float,
        zero_point: int,
        *,
        activation: str = "NONE",
        name: str | None = None,
    ) -> int:
        """Add an ADD, with broadcasting."""
        return self._binary("ADD", a, b, scale, zero_point, activation, name)

    def sub(
        self,
        a: int,
        b: int,
        scale: float,
        zero_point: int,
        *,
        activation: str = "NONE",
        name: str | None = None,
    ) -> int:
        """Add a SUB, with broadcasting."""
        return self._binary("SUB", a, b, scale, zero_point, activation, name)

    def mul(
        self,
        a: int,
        b: int,
        scale: float,
        zero_point: int,
        *,
        activation: str = "NONE",
        name: str | None = None,
    ) -> int:
        """Add a MUL, with broadcasting."""
        return self._binary("MUL", a, b, scale, zero_point, activation, name)

    def maximum(self, a: int, b: int, *, name: str | None = None) -> int:
        """Add a MAXIMUM, with broadcasting; both inputs and the output share one quantization."""
        return self._binary("MAXIMUM", a, b, None, None, None, name)

    def minimum(self, a: int, b: int, *, name: str | None = None) -> int:
        """Add a MINIMUM, with broadcasting; both inputs and the output share one quantization."""
        return self._binary("MINIMUM", a, b, None, None, None, name)

    def _binary(
        self,
        kind: str,
        a: int,
        b: int,
        scale: float | None,
        zero_point: int | None,
        activation: str | None,
        name: str | None,
    ) -> int:
        shape = np.broadcast_shapes(self.shape(a), self.shape(b))
        options = {} if activation is None else {"fused_activation_function": activation}
        return self._apply(
            kind, [a, b], shape, options=options, scale=scale, zero_point=zero_point, name=name
        )

    def relu(
        self, x: int, scale: float | None = None, zero_point: int | None = None, *, name: str | None = None
    ) -> int:
        """Add a RELU."""
        return self._apply("RELU", [x], self.shape(x), scale=scale, zero_point=zero_point, name=name)

    def relu6(
        self, x: int, scale: float | None = None, zero_point: int | None = None, *, name: str | None = None
    ) -> int:
        """Add a RELU6."""
        return self._apply("RELU6", [x], self.shape(x), scale=scale, zero_point=zero_point, name=name)

    def relu_n1_to_1(
        self, x: int, scale: float | None = None, zero_point: int | None = None, *, name: str | None = None
    ) -> int:
        """Add a RELU_N1_TO_1."""
        return self._apply("RELU_N1_TO_1", [x], self.shape(x), scale=scale, zero_point=zero_point, name=name)

    def leaky_relu(
        self,
        x: int,
        alpha: float,
        scale: float | None = None,
        zero_point: int | None = None,
        *,
        name: str | None = None,
    ) -> int:
        """Add a LEAKY_RELU with slope `alpha` below zero, kept in float32."""
        # The file holds a float32; rounding now keeps the model equal to what is read back.
        options = {"alpha": float(np.float32(alpha))}
        return self._apply(
            "LEAKY_RELU", [x], self.shape(x), options=options, scale=scale, zero_point=zero_point, name=name
        )

    def prelu(
        self,
        x: int,
        alpha: np.ndarray,
        alpha_scale: float,
        alpha_zero_point: int,
        scale: float,
        zero_point: int,
        *,
        name: str | None = None,
    ) -> int:
        """Add a PRELU; `alpha` int8 broadcasts against the input, for example (1, 1, channels)."""
        slope = self.constant(self._next_name("PRELU", name) + "/alpha", alpha, alpha_scale, alpha_zero_point)
        return self._apply("PRELU", [x, slope], self.shape(x), scale=scale, zero_point=zero_point, name=name)

    def hard_swish(
        self, x: int, scale: float | None = None, zero_point: int | None = None, *, name: str | None = None
    ) -> int:
        """Add a HARD_SWISH."""
        return self._apply("HARD_SWISH", [x], self.shape(x), scale=scale, zero_point=zero_point, name=name)

    def logistic(self, x: int, *, name: str | None = None) -> int:
        """Add a LOGISTIC; TFLite prescribes scale 1/256 and zero point -128."""
        scale, zero_point = _UNIT_RANGE
        return self._apply("LOGISTIC", [x], self.shape(x), scale=scale, zero_point=zero_point, name=name)

    def tanh(self, x: int, *, name: str | None = None) -> int:
        """Add a TANH; TFLite prescribes scale 1/128 and zero point 0."""
        scale, zero_point = _SIGNED_UNIT_RANGE
        return self._apply("TANH", [x], self.shape(x), scale=scale, zero_point=zero_point, name=name)

    def softmax(self, x: int, beta: float = 1.0, *, name: str | None = None) -> int:
        """Add a SOFTMAX over the last axis; TFLite prescribes scale 1/256 and zero point -128."""
        scale, zero_point = _UNIT_RANGE
        options = {"beta": float(np.float32(beta))}
        return self._apply(
            "SOFTMAX", [x], self.shape(x), options=options, scale=scale, zero_point=zero_point, name=name
        )

    def quantize(
        self, x: int, scale: float, zero_point: int, *, dtype: str = "int8", name: str | None = None
    ) -> int:
        """Add a QUANTIZE from float32, or from one integer quantization to another."""
        return self._apply(
            "QUANTIZE", [x], self.shape(x), scale=scale, zero_point=zero_point, dtype=dtype, name=name
        )

    def dequantize(self, x: int, *, name: str | None = None) -> int:
        """Add a DEQUANTIZE to float32."""
        return self._apply("DEQUANTIZE", [x], self.shape(x), dtype="float32", name=name)
