"""CPU seconds that compiling takes on this machine, by stage.

``python -m benchmarks.compile_time [--models FOLDER] [--json FILE] [NAME ...]``: what a process uses of a processor
from its start to the written artifact, user and system together, whatever else the machine does.  Every network has a
process of its own: networks of the project's own of 125, 250 and 500 operators, which say how time grows, and files
of a folder.  It is a report: nothing fails where it takes long.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tvm_patch.files import write_text
from tvm_patch.garbage import collect_rarely

MODELS = Path(__file__).parents[2] / "shared" / "models"

STAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "read": (("tvm_patch.frontend.importer", "read_model"),),
    "convert": (("tvm_patch.driver.front", "import_tflite"),),
    "legalize": (("tvm_patch.driver.compile", "legalize"),),
    "fit_steps": (
        ("tvm_patch.kernels.c.convolution_steps", "fit_steps"),
        ("tvm_patch.kernels.c.convolution_steps", "fit_groups"),
        ("tvm_patch.kernels.c.convolution_steps", "fit_line"),
        ("tvm_patch.kernels.c.fully_connected_dot", "fit_steps"),
        ("tvm_patch.kernels.c.fully_connected_dot", "fit_line"),
    ),
    "kernels": (("tvm_patch.driver.front", "choose_kernels"), ("tvm_patch.driver.front", "describe")),
    "plan": (("tvm_patch.driver.compile", "resolve"),),
    "tuning": (("tvm_patch.driver.compile", "tuned_configs"),),
    "fit_kernels": (
        ("tvm_patch.driver.front", "fit_kernels"),
        ("tvm_patch.driver.front", "layer_kernels"),
        ("tvm_patch.driver.plan", "spend"),
    ),
    "lower": (("tvm_patch.driver.front", "lower_program"),),
    "print C": (("tvm_patch.driver.compile", "emit"),),
    "records": (("tvm_patch.driver.compile", "_records"), ("tvm_patch.driver.compile", "metadata")),
}
"""Functions by stage, named where they are called; time in another stage's function is that stage's alone."""

WAYS: dict[str, dict[str, Any]] = {
    "layer": {},
    "streamed": {"input_mode": "streamed"},
    "memory": {"input_mode": "rereadable", "objective": "memory", "max_overhead": 1.05},
}
"""By name what a plan is asked for; none layer by layer."""

OWN = ("blocks-125", "blocks-250", "blocks-500")
FILES = ("mcunetv2-large-se-224", "mcunet-vww1-tinyengine-80", "mlperf-kws-dscnn", "yolofastest-face-v4-192")


def blocks(operators: int) -> bytes:
    """Return a network of inverted residual blocks of 24 to 48 channels with so many operators, as a .tflite."""
    from tvm_patch.tflite.writer import write_model
    from tvm_patch.zoo.builder import NetworkBuilder

    net = NetworkBuilder("blocks", (1, 48, 48, 3))
    x = net.conv(net.input, 24, 3, 2, "RELU6")
    made = 1
    while made + 4 <= operators - 2:
        channels = 24 + 8 * (made // 64 % 4)
        y = net.conv(x, 6 * net.channels(x), activation="RELU6")
        y = net.conv(net.depthwise(y, 3, 1, "RELU6"), channels)
        x = net.add(x, y) if net.channels(x) == channels else net.conv(y, channels)
        made += 4
    while made < operators - 2:
        x = net.conv(x, net.channels(x), activation="RELU6")
        made += 1
    return write_model(net.finish(net.dense(net.global_mean(x), 10)))


class Clock:
    """CPU seconds of this process by stage, each without those of the stages within it."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(("start", "import TVM", "import", *STAGES, "write", "other"), 0.0)
        self._open = ["start"]
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Give time to a stage."""
        self._settle()
        self._open.append(name)
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    def _settle(self) -> None:
        now = time.process_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def watch(self) -> None:
        """Put the clock around the functions of all stages."""
        for name, functions in STAGES.items():
            for module_name, function in functions:
                module = importlib.import_module(module_name)
                setattr(module, function, self._timed(name, getattr(module, function)))

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **named)

        return timed


def measure_here(model: Path, way: str, board: str) -> dict[str, Any]:
    """Compile a file in this process, which has imported nothing of TVM yet; return its times."""
    clock = Clock()
    collect_rarely()  # as the command line does
    with clock.stage("import TVM"):
        importlib.import_module("tvm")
    with clock.stage("import"):
        from tvm_patch import driver
        from tvm_patch.planner.choose import Request

        clock.watch()
    with clock.stage("other"), tempfile.TemporaryDirectory(prefix="tvm-patch-") as folder:
        plan = Request(**WAYS[way]) if WAYS[way] else None
        artifact = driver.compile(model, board=board, plan=plan)
        with clock.stage("write"):
            artifact.save(Path(folder) / "artifact")
    return {
        "network": model.stem,
        "way": way,
        "operators": len(artifact.metadata.operators),
        "cpu_seconds": round(sum(clock.seconds.values()), 3),
        "stages": {name: round(seconds, 3) for name, seconds in clock.seconds.items()},
    }


def measure(model: Path, way: str, board: str) -> dict[str, Any]:
    """Return the times of a process of its own, of one thread."""
    command = [sys.executable, "-m", "benchmarks.compile_time", "--here", way, "--board", board, str(model)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TVM_NUM_THREADS": "1"}
    done = subprocess.run(command, env={**os.environ, **threads}, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show(console: Console, results: list[dict[str, Any]]) -> None:
    """Print the table."""
    stages = list(results[0]["stages"])
    table = Table(title="CPU seconds of one compilation", box=None, header_style="bold")
    table.add_column("stage")
    for r in results:
        table.add_column(f"{r['network']}\n{r['way']}\n{r['operators']} operators", justify="right")
    for stage in stages:
        cells = ((r["stages"][stage], r["cpu_seconds"]) for r in results)
        table.add_row(stage, *(f"{seconds:.2f} {seconds / total:4.0%}" for seconds, total in cells))
    table.add_row("all", *(f"{r['cpu_seconds']:.2f}     " for r in results), style="bold")
    console.print(table)


def _models(names: list[str], folder: Path, scratch: Path) -> Iterator[Path]:
    for name in names:
        if name.startswith("blocks-"):
            path = scratch / f"{name}.tflite"
            path.write_bytes(blocks(int(name.removeprefix("blocks-"))))
            yield path
        else:
            yield folder / f"{name}.tflite"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile_time")
    parser.add_argument("names", nargs="*", metavar="NAME", help="blocks-N, or a file of the folder")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of .tflite files")
    parser.add_argument(
        "--way", action="append", choices=WAYS, help="how to compile; layer and memory without it"
    )
    parser.add_argument("--board", default="qemu_m7")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    parser.add_argument("--here", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here is not None:
        print(json.dumps(measure_here(Path(given.names[0]), given.here, given.board)))
        return
    names = given.names or [*OWN, *(n for n in FILES if (given.models / f"{n}.tflite").exists())]
    console = Console()
    with tempfile.TemporaryDirectory(prefix="tvm-patch-") as scratch:
        models = list(_models(names, given.models, Path(scratch)))
        runs = [(model, way) for way in given.way or ("layer", "memory") for model in models]
        results = [measure(*run, given.board) for run in track(runs, console=console, transient=True)]
    if given.json is not None:
        write_text(given.json, json.dumps(results, indent=2) + "\n")
    for at in range(0, len(results), 4):
        show(console, results[at : at + 4])


if __name__ == "__main__":
    main()
