"""Databases on disk: what an interruption leaves, what others wrote, what is missing."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import tvm
from tvm.s_tir import meta_schedule as ms

from tvm_patch.errors import UserError
from tvm_patch.lowering.workload import schedule_of, workload_module
from tvm_patch.tuning.database import FAILED, RECORDS, SECONDS, WORKLOADS, load_measured, open_database

KNOBS = {"pixels": [1, 2, 3]}


def fill(folder, costs, text="{}"):
    database = open_database(folder, create=True)
    module = workload_module(text)
    workload = database.commit_workload(module)
    for pixels, cost in costs.items():
        seconds = FAILED if cost is None else cost * SECONDS
        trace = schedule_of(module, KNOBS, {"pixels": pixels}).trace
        database.commit_tuning_record(
            ms.database.TuningRecord(trace, workload, [seconds], tvm.target.Target("c"), [])
        )


def test_best_first_and_failures_left_out(tmp_path):
    fill(tmp_path, {1: 300, 2: 100, 3: None})
    assert load_measured(tmp_path) == {"{}": [(100, {"pixels": 2}), (300, {"pixels": 1})]}


def test_cycles_count_for_the_core_that_they_were_estimated_for(tmp_path):
    fill(tmp_path, {1: 300, 2: 100})
    fill(tmp_path, {1: 250, 3: 200}, '{"cycles_of": "cortex-m7"}')
    best = {cpu: load_measured(tmp_path, [cpu])["{}"][0] for cpu in ("cortex-m4", "cortex-m7")}
    assert best == {"cortex-m4": (100, {"pixels": 2}), "cortex-m7": (200, {"pixels": 3})}


def test_metaschedule_reads_it(tmp_path):
    fill(tmp_path, {1: 300, 2: 100})
    database = ms.database.JSONDatabase(work_dir=str(tmp_path))
    (best,) = database.get_top_k(database.commit_workload(workload_module("{}")), 1)
    assert float(best.run_secs[0]) == pytest.approx(100 * SECONDS)


def test_a_line_cut_off_at_the_end_is_dropped_when_tuning_goes_on(tmp_path):
    fill(tmp_path, {1: 300, 2: 100})
    path = tmp_path / RECORDS
    path.write_text(path.read_text()[:-20])
    with pytest.raises(UserError, match="line 2: not JSON"):
        load_measured(tmp_path)
    open_database(tmp_path, create=True)
    assert load_measured(tmp_path) == {"{}": [(300, {"pixels": 1})]}


@pytest.mark.parametrize("damage", ["{", "[" * 100_000 + "]" * 100_000], ids=["cut off", "nested"])
@pytest.mark.parametrize("file", [WORKLOADS, RECORDS])
def test_damage_elsewhere_is_an_error(tmp_path, file, damage):
    fill(tmp_path, {1: 300, 2: 100})
    path = tmp_path / file
    path.write_text(f"{damage}\n{path.read_text()}")
    with pytest.raises(UserError, match="line 1: not JSON"):
        open_database(tmp_path, create=True)


@pytest.mark.parametrize("line", ["1", "[]", "[0, 1]", '["a", {}]', "[7, [[[],[]],[1],{},[]]]", "null"])
@pytest.mark.parametrize("file", [WORKLOADS, RECORDS])
def test_lines_of_something_else_are_an_error(tmp_path, file, line):
    fill(tmp_path, {1: 300})
    (tmp_path / file).write_text(line + "\n")
    with pytest.raises(UserError, match=r"did not write|no tuning database"):
        load_measured(tmp_path)


def test_a_missing_database_is_an_error(tmp_path):
    with pytest.raises(UserError, match="make a database with tvm-patch tune"):
        load_measured(tmp_path / "none")


def test_a_database_of_another_program(tmp_path):
    @tvm.script.tirx.prim_func(s_tir=True)
    def main(a: tvm.script.tirx.Buffer((4,), "int8")):
        a[0] = tvm.script.tirx.int8(1)

    database = ms.database.JSONDatabase(work_dir=str(tmp_path))
    module = tvm.IRModule({"main": main})
    trace = tvm.s_tir.Schedule(module).trace
    database.commit_tuning_record(
        ms.database.TuningRecord(trace, database.commit_workload(module), [1.0], tvm.target.Target("c"), [])
    )
    with pytest.raises(UserError, match="did not write"):
        load_measured(tmp_path)


def test_files_that_are_no_text(tmp_path):
    for name in (WORKLOADS, RECORDS):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot read"):
        load_measured(tmp_path)


def test_json_is_what_metaschedule_writes(tmp_path):
    fill(tmp_path, {2: 100})
    index, record = json.loads((tmp_path / RECORDS).read_text())
    assert index == 0
    assert ["SampleCategorical", [], [[1, 2, 3], [1 / 3] * 3], ["v1"]] in record[0][0]


@pytest.mark.parametrize("seed", range(150))
def test_damaged_bytes_are_an_error_or_harmless(tmp_path, seed):
    """Whatever is changed, TVM never sees it: an error there could end the program."""
    fill(tmp_path, {1: 300, 2: 100, 3: None})
    rng = np.random.default_rng(seed)
    path = tmp_path / (WORKLOADS if seed % 2 else RECORDS)
    data = bytearray(path.read_bytes())
    if seed % 3 == 0 and path.name == WORKLOADS:  # inside of the module
        number, module = json.loads(data)
        inner = bytearray(base64.b64decode(module))
        inner[8 + int(rng.integers(len(inner) - 8))] = rng.integers(32, 127)
        data = bytearray(json.dumps([number, base64.b64encode(inner).decode()]).encode())
    else:
        for _ in range(int(rng.integers(1, 4))):
            data[int(rng.integers(len(data)))] = rng.integers(256)
    path.write_bytes(bytes(data))
    for use in (load_measured, open_database):
        message = str(tmp_path)
        try:
            use(tmp_path)
        except UserError as error:
            message = str(error)
        assert str(tmp_path) in message


def test_cycles_measured_on_the_board_come_before_those_estimated_for_its_core(tmp_path):
    fill(tmp_path, {1: 300, 2: 100})
    fill(tmp_path, {1: 250, 3: 200}, '{"cycles_of": "cortex-m7"}')
    fill(tmp_path, {1: 900, 2: 950}, '{"cycles_of": "nucleo_f746zg"}')
    best = load_measured(tmp_path, ["nucleo_f746zg", "cortex-m7"])["{}"][0]
    assert best == (900, {"pixels": 1})
    assert load_measured(tmp_path, ["stm32f746g_disco", "cortex-m7"])["{}"][0] == (200, {"pixels": 3})
