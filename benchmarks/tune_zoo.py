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

import tvm
from tvm.s_tir import meta_schedule as ms

from tvm_patch.driver.front import legalize
from tvm_patch.driver.tune import tune
from tvm_patch.kernels import Kernel
from tvm_patch.kernels.workload import knobs_of, schedule_of, workload_module, workload_text
from tvm_patch.targets import CORTEX_M4, CORTEX_M7, Target
from tvm_patch.tflite.writer import write_model
from tvm_patch.tuning.database import RECORDS, SECONDS, SHIPPED, WORKLOADS, load_measured
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
    SHIPPED.mkdir(exist_ok=True)
    for file in (WORKLOADS, RECORDS):
        (SHIPPED / file).unlink(missing_ok=True)
    database = ms.database.JSONDatabase(str(SHIPPED / WORKLOADS), str(SHIPPED / RECORDS))
    for board, target in BOARDS.items():
        for text, entries in sorted(load_measured(arguments.folder / board, (target.name,)).items()):
            kernel = kernels[board].get(text)
            if kernel is None:
                continue
            knobs = knobs_of(kernel.candidates())
            workload = database.commit_workload(
                workload_module(workload_text(kernel, target.tuned_on, target.name))
            )
            module = workload.mod
            for cost, config in worth_keeping(kernel, [(c, dict(k)) for c, k in entries], target):
                trace = schedule_of(module, knobs, config).trace
                record = ms.database.TuningRecord(
                    trace, workload, [cost * SECONDS], tvm.target.Target("c"), []
                )
                database.commit_tuning_record(record)
    workloads = sum(len(k) for k in kernels.values())
    print(f"{len(database)} records, {workloads} workloads in {SHIPPED.name}")


if __name__ == "__main__":
    main()
