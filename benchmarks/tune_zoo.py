"""Make the tuning database that comes with the project: the zoo's networks, tuned for the cycles of both cores.

``python -m benchmarks.tune_zoo FOLDER [NAME ...]``: tunes into FOLDER (go on after an interruption by starting it
again) and writes what any preference may choose of it to ``tvm_patch/tuning/data``.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tvm_patch.driver.front import legalize
from tvm_patch.driver.tune import tune
from tvm_patch.kernels import Kernel
from tvm_patch.lowering.workload import workload_text
from tvm_patch.targets import CORTEX_M4, CORTEX_M7, Target
from tvm_patch.tflite.writer import write_model
from tvm_patch.tuning.database import load_measured
from tvm_patch.tuning.shipped import write_shipped
from tvm_patch.zoo.registry import build

TRIALS = 5000
BOARDS = {"qemu_m4": CORTEX_M4, "qemu_m7": CORTEX_M7}
NETWORKS = (
    "mlperf_kws",
    "mlperf_ad",
    "mlperf_ic",
    "mlperf_vww",
    "mcunet_vww0",
    "mcunet_vww1",
    "mcunet_in0",
    "mcunet_in1",
)
Entry = tuple[float, dict[str, int]]


def worth_keeping(
    kernel: Kernel, entries: Iterable[tuple[float, dict[str, int]]], target: Target
) -> list[tuple[float, dict[str, int]]]:
    """Return the configs than which none is both faster and smaller in scratch, of any unrolling and of the usual."""
    usual = kernel.within(target.ample_scratch).config.get("unroll")
    kept: list[Entry] = []
    for same in (False, True):
        least = None
        for cost, config in sorted(entries, key=lambda e: (e[0], sorted(e[1].items()))):
            if same and config.get("unroll") != usual:
                continue
            scratch = type(kernel)(kernel.op, {**kernel.config, **config}).scratch_bytes
            if least is None or scratch < least:
                least = scratch
                if (cost, config) not in kept:
                    kept.append((cost, config))
    return kept


def tune_core(board: str, folder: Path, names: Sequence[str]) -> None:
    """Tune networks for the core of a board, into a database of its own."""
    target = BOARDS[board]
    for name in names:
        legalized = legalize(write_model(build(name)), target=target)
        result = tune(legalized, folder / board, board=board, trials=TRIALS)
        print(
            f"{target.name} {name}: {result.before:,} → {result.after:,} cycles, "
            f"{result.measured} of {result.trials} measured now",
            flush=True,
        )


def kernels_of(target: Target, names: Sequence[str]) -> dict[str, Kernel]:
    """Return the kernels of networks by workload."""
    found: dict[str, Kernel] = {}
    for name in names:
        for kernel in legalize(write_model(build(name)), target=target).describe()[0]:
            found.setdefault(workload_text(kernel, target.tuned_on), kernel)
    return found


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=NETWORKS)
    arguments = parser.parse_args()
    with ProcessPoolExecutor(len(BOARDS), multiprocessing.get_context("spawn")) as pool:
        tasks = [pool.submit(tune_core, board, arguments.folder, arguments.names) for board in BOARDS]
        for task in tasks:
            task.result()
    kernels = {board: kernels_of(target, arguments.names) for board, target in BOARDS.items()}
    for board, target in BOARDS.items():
        kept = {
            text: worth_keeping(
                kernels[board][text], [(cost, dict(config)) for cost, config in entries], target
            )
            for text, entries in load_measured(arguments.folder / board, (target.name,)).items()
            if text in kernels[board]
        }
        path = write_shipped(target.tuned_on, kept)
        print(f"{sum(map(len, kept.values()))} configs of {len(kept)} workloads in {path.name}")


if __name__ == "__main__":
    main()
