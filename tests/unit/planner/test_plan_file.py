"""Plans as files: what is written is read back, what is wrong is refused by the name of the field."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.unit.planner.networks import Builder, random_network
from tvm_patch.errors import PlanError, UserError
from tvm_patch.planner.choose import Request, choose_plan
from tvm_patch.planner.network import Network
from tvm_patch.planner.plan import Plan, fingerprint


def network() -> Network:
    b = Builder(12, 10, 3)
    at = b.conv(b.conv("in", 3, 2, 6), 1, 1, 8)
    return b.network(b.dense(b.pool(b.conv(at, 3, 1, 4)), 2))


@pytest.fixture
def data() -> dict:
    return json.loads(choose_plan(network(), Request("rereadable")).plan.model_dump_json())


def check(data: dict, net: Network | None = None) -> None:
    Plan.from_json(json.dumps(data)).schedule_for(net or network())


def test_round_trip(tmp_path):
    for seed in range(6):
        net = random_network(seed, 9)
        choice = choose_plan(net, Request(("resident", "rereadable", "streamed")[seed % 3]))
        loaded = Plan.load(choice.plan.save(tmp_path / "plan.json"))
        assert loaded == choice.plan
        assert loaded.schedule_for(net) == choice.point.schedule
    with pytest.raises(UserError, match="does not exist"):
        choice.plan.save(tmp_path / "no" / "plan.json")


def test_layer_by_layer():
    for mode in ("resident", "streamed"):
        net = network()
        plan = choose_plan(net, Request(mode, "layer")).plan
        assert [s.operators for s in plan.segments] == [(i,) for i in range(len(net.operators))]
        assert plan.overhead == 1
        plan.schedule_for(net)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"format": "other"}, "format: not a plan"),
        ({"version": 1}, "version: 1 is not known"),
        ({"version": True}, "version: True is not known"),
        ({"segments": []}, "segments: "),
        ({"segments": 3}, "segments: "),
        ({"segments": [{"operators": [0], "bands": 0}]}, r"segments\[0\].bands: "),
        ({"segments": [{"operators": []}]}, r"segments\[0\].operators: "),
        ({"segments": [{"operators": [-1]}]}, r"segments\[0\].operators\[0\]: "),
        ({"segments": [{"operators": ["a"]}]}, r"segments\[0\].operators\[0\]: "),
        ({"segments": [{"operators": [0], "extra": 1}]}, r"segments\[0\].extra: "),
        ({"input_mode": "guessed"}, "input_mode: "),
        ({"scheme": "magic"}, "scheme: "),
        ({"scratch": [0]}, "scratch: 1 numbers, but 5 operators"),
        ({"scratch": [0, 0, 0, 0, 0.5]}, r"scratch\[4\]: "),
        ({"scratch": [0, 0, 0, 0, 4000]}, "arena_bytes: the plan says"),
        ({"bought": {"arena_bytes": 4}}, "bought.estimated_cycles: field required"),
        ({"macs": -1}, "macs: "),
        ({"macs": 1.5}, "macs: "),
        ({"overhead": None}, "overhead: "),
        ({"surprise": 1}, "surprise: "),
        ({"target": "cortex-m0"}, "target: 'cortex-m0' is not known; there are host"),
        ({"target": "tir"}, "target: the plan was made for tir, whose kernels are not those of host"),
        ({"fingerprint": "0" * 32}, "fingerprint: the plan was made for another network"),
        ({"segments": [{"operators": [0]}]}, "segments: operator 1 .* is in none"),
        ({"segments": [{"operators": [0, 1, 2, 3, 4, 9]}]}, r"segments\[0\].operators: 9 does not exist"),
        ({"segments": [{"operators": [0, 0]}]}, r"segments\[0\].operators: an operator is named twice"),
        ({"segments": [{"operators": [1, 0]}]}, r"segments\[0\].operators: 1 reads what 0 makes after it"),
        ({"segments": [{"operators": [i]} for i in (1, 0, 2, 3, 4)]}, "segments: tensor t0 is read but"),
        ({"segments": [{"operators": [i], "bands": 1 + 8 * (i == 1)} for i in range(5)]}, r"segments\[1\].bands"),
        ({"segments": [{"operators": [i], "bands": 1 + (i == 4)} for i in range(5)]}, r"segments\[4\].bands"),
        ({"segments": [{"operators": [0, 1, 2, 3, 4]}]}, r"segments\[0\]: operator 3"),
        ({"segments": [{"operators": [i]} for i in range(5)], "macs_executed": 1}, "macs_executed: the plan says 1"),
        ({"arena_bytes": 12}, "arena_bytes: the plan says 12"),
        ({"macs": 12}, "macs: the plan says 12"),
        ({"overhead": 7.5}, "overhead: the plan says 7.5"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_by_name(data, edit, message):
    check(data)
    with pytest.raises(PlanError, match=message):
        check({**data, **edit})


def test_kernels_have_the_scratch_that_they_need(data):
    net = network()
    operators = tuple(replace(op, scratch_bytes=8) for op in net.operators)
    needing = replace(net, operators=operators)
    plan = choose_plan(needing, Request("rereadable")).plan
    assert plan.scratch == (8,) * 5
    with pytest.raises(PlanError, match=r"scratch\[1\]: 4 bytes, but .* needs 8"):
        plan.model_copy(update={"scratch": (8, 4, 8, 8, 8)}).schedule_for(needing)
    more = plan.model_copy(update={"scratch": (8, 8, 8, 8, 4000)})
    with pytest.raises(PlanError, match="arena_bytes: "):
        more.schedule_for(needing)


@pytest.mark.parametrize("key", ["network", "segments", "arena_bytes", "input_mode", "fingerprint"])
def test_missing_fields(data, key):
    del data[key]
    with pytest.raises(PlanError, match=f"{key}: field required"):
        check(data)


def test_streamed_rows_come_once(data):
    streamed = {**data, "input_mode": "streamed", "segments": [{"operators": [i]} for i in range(5)]}
    streamed["segments"][0]["bands"] = 2
    with pytest.raises(PlanError, match=r"segments\[0\].bands: input in is streamed"):
        check(streamed)


def test_other_networks(data):
    net = network()
    wide = replace(net.tensors["t0"], shape=(1, 6, 5, 7))
    operators = [
        replace(op, operator=replace(op.operator, **{
            side: tuple(wide if t.name == "t0" else t for t in getattr(op.operator, side))
            for side in ("inputs", "outputs")
        }))
        for op in net.operators
    ]  # fmt: skip
    wider = Network.of(net.name, operators, net.graph.inputs, net.graph.outputs)
    with pytest.raises(PlanError, match="fingerprint"):
        check(data, wider)
    check(data, replace(net, name="renamed"))
    assert len(fingerprint(net)) == 32


def test_files_that_are_no_plans(tmp_path):
    path = tmp_path / "p.json"
    with pytest.raises(PlanError, match="cannot read the plan"):
        Plan.load(path)
    for content in (b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(PlanError, match=r"p\.json"):
            Plan.load(path)


def test_impossible_limits_say_what_would_do():
    net = network()
    with pytest.raises(
        PlanError, match=r"no plan of random fits 10 bytes .* the least arena is [\d,]+ bytes; segment"
    ):
        choose_plan(net, Request(sram=10))
    least = choose_plan(net, Request(objective="memory")).plan.arena_bytes
    assert choose_plan(net, Request(sram=least)).plan.arena_bytes == least
    with pytest.raises(PlanError, match="impossible; the least is 1"):
        choose_plan(net, Request(max_overhead=0.9))
    with pytest.raises(PlanError, match="layer by layer"):
        choose_plan(net, Request(scheme="layer", sram=10))
