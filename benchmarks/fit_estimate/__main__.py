"""Fit of the planner's instruction estimate to the emulated Cortex-M4.

``python -m benchmarks.fit_estimate measure`` runs single operators over a grid of geometries (ten minutes),
``... networks`` whole networks under plans (ten minutes), ``... fit`` writes the table that the planner reads, and
``... report`` compares it with the networks' counts.  Counts are exact and repeatable; they change with the kernels.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.fit_estimate.fit import fit_table, table_text
from benchmarks.fit_estimate.grid import grid
from benchmarks.fit_estimate.measure import Measurement, measure, measure_fetching
from benchmarks.fit_estimate.networks import measure_networks
from benchmarks.fit_estimate.report import report

HERE = Path(__file__).parent
OPERATORS, FETCHING, NETWORKS = (HERE / f"{n}.json" for n in ("operators", "fetching", "networks"))
TABLE = HERE.parents[1] / "tvm_patch" / "targets" / "cortex_m4_instructions.py"


def load_operators() -> list[Measurement]:
    """Return the recorded measurements of single operators."""
    return [Measurement.from_json(values) for values in json.loads(OPERATORS.read_text(encoding="utf-8"))]


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_estimate", description=__doc__)
    parser.add_argument("what", choices=("measure", "networks", "fit", "report"))
    parser.add_argument("--models", type=Path, default=HERE.parents[2] / "shared" / "models")
    arguments = parser.parse_args()
    if arguments.what == "measure":
        rows = [json.dumps(m.to_json(), separators=(",", ":")) for m in measure(grid())]
        OPERATORS.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
        FETCHING.write_text(json.dumps(measure_fetching()) + "\n", encoding="utf-8")
    elif arguments.what == "networks":
        measure_networks(arguments.models, NETWORKS)
    elif arguments.what == "fit":
        recorded = json.loads(NETWORKS.read_text(encoding="utf-8"))
        fetching = json.loads(FETCHING.read_text(encoding="utf-8"))
        table = fit_table(load_operators(), fetching, recorded, arguments.models)
        TABLE.write_text(table_text(table), encoding="utf-8")
    else:
        report(json.loads(NETWORKS.read_text(encoding="utf-8")), arguments.models)


if __name__ == "__main__":
    main()
