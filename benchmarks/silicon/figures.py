"""What others measured on silicon, in cycles: a benchmark's milliseconds times its board's clock."""

from __future__ import annotations

from typing import NamedTuple


class Measured(NamedTuple):
    """A figure of silicon for code that is rebuilt here.

    Attributes
    ----------
    network, engine, board : str
        Network by file name, code by name in :mod:`benchmarks.silicon.peers`, and the board whose timing is taken.
    cycles : float
        Of an inference.
    source : str
        Who measured it, how.
    whole : bool
        Whether all that was timed is rebuilt; TFLite Micro's interpreter and its own operators (PAD, MEAN, QUANTIZE)
        are not, so that its figures are an upper bound.
    """

    network: str
    engine: str
    board: str
    cycles: float
    source: str
    whole: bool = True


_TIGRIS = "TiGrIS, raws-labs/tigris-bench cortex-m-deployability, median of 30 runs"
_TFLM = "TFLite Micro, raws-labs/tigris-bench cortex-m-deployability"
_README = "mit-han-lab/tinyengine README, measured 2022-12"

MEASURED = (
    Measured(
        "mlperf-kws-dscnn", "cmsis-nn-2026", "nucleo_h743zi", 5.36e6, f"{_TIGRIS}, NUCLEO-H753ZI 480 MHz"
    ),
    Measured("mlperf-ad01", "cmsis-nn-2026", "nucleo_h743zi", 0.567e6, f"{_TIGRIS}, NUCLEO-H753ZI 480 MHz"),
    Measured(
        "mlperf-kws-dscnn", "cmsis-nn-2026", "nucleo_f446re", 10.78e6, f"{_TIGRIS}, NUCLEO-F446RE 180 MHz"
    ),
    Measured("mlperf-ad01", "cmsis-nn-2026", "nucleo_f446re", 0.894e6, f"{_TIGRIS}, NUCLEO-F446RE 180 MHz"),
    Measured(
        "mcunet-vww1-tinyengine-80", "tinyengine-2022", "nucleo_h743zi", 24.5e6, f"{_README}, H743: 51 ms"
    ),
    Measured(
        "mcunet-in3-320kb1mb-176", "tinyengine-2022", "nucleo_h743zi", 161e6, f"{_README}, H743: 336 ms"
    ),
    Measured("mlperf-kws-dscnn", "cmsis-nn-2026", "nucleo_h743zi", 6.14e6, f"{_TFLM}, H753: 12.8 ms", False),
    Measured("mlperf-ad01", "cmsis-nn-2026", "nucleo_h743zi", 0.558e6, f"{_TFLM}, H753: 1.16 ms", False),
    Measured(
        "mcunet-vww1-tinyengine-80",
        "cmsis-nn-2022",
        "nucleo_h743zi",
        46.6e6,
        f"{_README}, H743: 97 ms",
        False,
    ),
    Measured(
        "mcunet-in3-320kb1mb-176", "cmsis-nn-2022", "nucleo_h743zi", 370e6, f"{_README}, H743: 770 ms", False
    ),
)


class Goal(NamedTuple):
    """A network of ours beside engines that cannot be rebuilt; M cycles.

    Attributes
    ----------
    network, board : str
    silicon : dict of str to float
        By engine: what its makers handed in to MLPerf Tiny (closed division, v1.1 and v1.2), or publish.
    goal : float
        What this project means to reach, by its own model.
    """

    network: str
    board: str
    silicon: dict[str, float]
    goal: float


_H7A3, _F746, _L4R5 = "nucleo_h7a3zi_q", "stm32f746g_disco", "nucleo_l4r5zi"

GOALS = (
    Goal("mlperf-vww-96", _H7A3, {"ST 9.0": 6.66, "Plumerai": 7.51, "Bosch": 12.3}, 4.8),
    Goal("mlperf-ic-resnet8-32", _H7A3, {"ST 9.0": 11.43, "Plumerai": 14.26, "Bosch": 12.8}, 9.0),
    Goal("mlperf-kws-dscnn", _H7A3, {"ST 9.0": 3.17, "Plumerai": 3.88, "Bosch": 4.11}, 2.6),
    Goal("mlperf-ad01", _H7A3, {"ST 9.0": 0.344, "Plumerai": 0.378, "Bosch, in RAM": 0.302}, 0.31),
    Goal("mlperf-vww-96", _F746, {"Plumerai": 7.36}, 5.3),
    Goal("mlperf-ic-resnet8-32", _F746, {"Plumerai": 13.6}, 10.0),
    Goal("mlperf-kws-dscnn", _F746, {"Plumerai": 3.83}, 2.9),
    Goal("mlperf-ad01", _F746, {"Plumerai": 0.369}, 0.34),
    Goal("mlperf-vww-96", _L4R5, {"ST 9.0": 10.7, "Plumerai": 11.9}, 7.5),
    Goal("mlperf-ic-resnet8-32", _L4R5, {"ST 9.0": 19.8, "Plumerai": 20.1}, 16.0),
    Goal("mlperf-kws-dscnn", _L4R5, {"ST 9.0": 5.18, "Plumerai": 5.73}, 4.2),
    Goal("mlperf-ad01", _L4R5, {"ST 9.0": 0.631, "Plumerai": 0.486}, 0.45),
    Goal("mcunet-vww1-tinyengine-80", "nucleo_h743zi", {"TinyEngine": 24.5}, 12.5),
    Goal("mcunet-in3-320kb1mb-176", "nucleo_h743zi", {"TinyEngine": 161.0}, 88.0),
)
