"""Fit of the planner's estimate to the cycle model on emulated boards.

``python -m benchmarks.fit_estimate`` does it all for both cores: runs single operators over a grid of geometries and
whole networks under plans, and writes the tables that the planner reads.  Interrupted, it goes on where it was, unless
the kernels have changed.  ``--few`` takes every fourth operator and the ranked networks only, ``--core`` one core,
``--again`` fits what is recorded, ``--report`` prints how good the tables are, ``--unit instructions`` counts those
instead.  The same code gives the same tables: cycles are computed, not timed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.fit_estimate.cores import CORES, Core
from benchmarks.fit_estimate.fit import few_of, fit_table, table_text
from benchmarks.fit_estimate.grid import grid
from benchmarks.fit_estimate.log import Log
from benchmarks.fit_estimate.measure import Measurement, measure, measure_fetching
from benchmarks.fit_estimate.networks import measure_networks
from benchmarks.fit_estimate.report import report

MODELS = Path(__file__).parents[3] / "shared" / "models"


def load_operators(core: Core) -> list[Measurement]:
    """Return the recorded measurements of single operators."""
    return [Measurement.from_json(values) for values in _load(core, "operators")]


def load_networks(core: Core) -> dict[str, Any]:
    """Return the recorded measurements of networks."""
    return dict(_load(core, "networks"))


def _load(core: Core, what: str) -> Any:
    return json.loads(core.recorded(what).read_text(encoding="utf-8"))


def record(core: Core, models: Path, few: bool) -> None:
    """Measure a core and write what was found, once it is all there."""
    operators, networks = Log(core.recorded("operators")), Log(core.recorded("networks"))
    cases = few_of(grid(), core) if few else grid()
    rows = [json.dumps(m.to_json(), separators=(",", ":")) for m in measure(cases, core, operators)]
    fetching, plans = measure_fetching(core), measure_networks(models, core, networks, few)
    operators.finish("[\n" + ",\n".join(rows) + "\n]\n")
    networks.finish(json.dumps(plans, separators=(",", ":")) + "\n")
    core.recorded("fetching").write_text(json.dumps(fetching) + "\n", encoding="utf-8")


def write_table(core: Core, models: Path) -> None:
    """Fit what is recorded, and write the core's table."""
    table = fit_table(load_operators(core), _load(core, "fetching"), load_networks(core), models, core)
    core.table.write_text(table_text(table, core), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_estimate", description=__doc__)
    parser.add_argument("--core", choices=CORES, action="append", help="one core only")
    parser.add_argument(
        "--unit", choices=("cycles", "instructions"), default="cycles", help="what is counted"
    )
    parser.add_argument("--few", action="store_true", help="a quarter of the operators, ranked networks only")
    parser.add_argument("--again", action="store_true", help="fit what is recorded, without measuring")
    parser.add_argument("--report", action="store_true", help="only print how good the tables are")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of the .tflite files")
    asked = parser.parse_args(arguments)
    for core in (replace(CORES[name], unit=asked.unit) for name in asked.core or CORES):
        if not (asked.again or asked.report):
            record(core, asked.models, asked.few)
        if not asked.report:
            write_table(core, asked.models)
        else:  # a table is read when its target is imported, so this tells of the one that was there
            report(load_networks(core), asked.models, core)


if __name__ == "__main__":
    main()
