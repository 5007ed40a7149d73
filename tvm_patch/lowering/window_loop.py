"""The loop around a row kernel that reads a stored tensor through a ring of padded rows, as C that operators share.

Layer-by-layer execution of a convolution or pooling is always this loop; printed once an operator it was a quarter of
a small network's code.  What differs are its arguments, the kernel among them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tvm_patch.kernels.c.arm.function import CFunction
from tvm_patch.planner.layout.row_buffer import RowBuffer
from tvm_patch.planner.row_window import RowWindow

_C_TYPES = {"int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "uint8": "uint8_t"}
_NUMBERS = (
    "height",
    "in_bytes",
    "rows",
    "stride",
    "dilation",
    "top",
    "slots",
    "slot_bytes",
    "left",
    "inside",
    "right",
    "out_bytes",
    "pad",
)


@dataclass(frozen=True)
class WindowLoop:
    """What one function is made for.

    Attributes
    ----------
    size : int
        Rows of the window.
    constants : tuple of str
        Types of the kernel's constants.
    scratch : bool
        Whether the kernel has scratch.
    """

    size: int
    constants: tuple[str, ...]
    scratch: bool

    @property
    def possible(self) -> bool:
        """Whether the constants have types that C knows by these names."""
        return all(c in _C_TYPES for c in self.constants)

    def numbers(
        self,
        window: RowWindow,
        buffer: RowBuffer,
        *,
        height: int,
        in_bytes: int,
        inside: int,
        left: int,
        rows: int,
        row: int,
    ) -> tuple[int, ...]:
        """Return the function's last arguments.

        Parameters
        ----------
        window, buffer
            Of the input.
        height, in_bytes, inside, left : int
            Rows of the input; bytes of one, of what is read of it, and of the padding before it.
        rows, row : int
            Rows of the output; bytes of one.
        """
        right = buffer.line_bytes - left - inside
        steps = (window.stride, window.dilation, buffer.top, buffer.slots, buffer.slot_bytes)
        return (height, in_bytes, rows, *steps, left, inside, right, row, buffer.pad_value)


def window_loop(loop: WindowLoop) -> CFunction:
    """Return ``(in, ring, row, out, constants..., [scratch], numbers...)``; the numbers are those of the class."""
    held = [f"const {_C_TYPES[c]} *constant{i}" for i, c in enumerate(loop.constants)]
    held += ["int8_t *scratch"] if loop.scratch else []
    pointers = ", ".join(
        ["const int8_t *"] * loop.size + [h.rpartition("*")[0] + "*" for h in held] + ["int8_t *"]
    )
    parameters = (
        "const int8_t *in",
        "int8_t *ring",
        f"void (*row)({pointers})",
        "int8_t *out",
        *held,
        *(f"int32_t {n}" for n in _NUMBERS),
    )
    lines = [
        f"ring + ((y * stride + {k} * dilation) % slots) * slot_bytes"
        if k
        else "ring + ((y * stride) % slots) * slot_bytes"
        for k in range(loop.size)
    ]
    names = [h.rpartition("*")[2] for h in held]
    arguments = ",\n        ".join([*lines, *names, "out"])
    body = f"""  int32_t line = 0, y;
  for (y = 0; y < rows; ++y) {{
    for (; line <= y * stride + {loop.size - 1} * dilation; ++line) {{
      int8_t *const slot = ring + (line % slots) * slot_bytes;
      const int32_t from = line - top;
      if (from >= 0 && from < height) {{
        if (line < slots + top) {{
          tvmp_fill(slot, (int8_t)pad, left);
          tvmp_fill(slot + left + inside, (int8_t)pad, right);
        }}
        tvmp_copy(slot + left, in + from * in_bytes, inside);
      }} else {{
        tvmp_fill(slot, (int8_t)pad, left + inside + right);
      }}
    }}
    row({arguments});
    out += out_bytes;
  }}
"""
    return CFunction(f"rows_of_{loop.size}", parameters, body, small=True)
