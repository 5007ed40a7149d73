"""An estimate of a network's code in flash, apart from its constants, which are known exactly.

Code is what a compiler makes of it.  Most of it is inner loops of depthwise convolutions, one for every size, stride
and number of channels that a network has, and calls with their arguments, for every operator.
"""

from __future__ import annotations

from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.layers import layers_of
from tvm_patch.targets import Target

_BYTES: dict[str, tuple[int, int, int]] = {
    "cortex-m7": (4995, 167, 986),
    "cortex-m4": (3791, 166, 832),
}
"""By core: of any network, of an operator, of a depthwise convolution's inner loops."""


def code_bytes(architecture: Architecture, target: Target) -> int:
    """Return the estimated bytes of code of an architecture that runs layer by layer.

    Least squares of relative errors over 19 networks of 10 to 36 KB of code, random ones and MnasNet-like ones, as gcc
    makes it at ``-O3`` (``prefer="balanced"``).  A network that was left out of the fit was off by 7 % (median) and
    31 % (most) on a Cortex-M7, by 4 % and 14 % on a Cortex-M4.  Plans print more: 1.3 times as much (median), at most
    2.5 times.

    Parameters
    ----------
    architecture : Architecture
    target : Target
        What it runs on.
    """
    fixed, operator, loops = _BYTES[target.timed_on]
    layers = [layer for layer, _ in layers_of(architecture)]
    kinds = {(a.kernel, a.stride, a.inputs) for a in layers if a.kind == "depthwise_conv2d"}
    return fixed + operator * len(layers) + loops * len(kinds)
