"""Pictures: their words are readable and where they belong, whatever the network and its name."""

from __future__ import annotations

import itertools

import pytest

from tests.segments import random_segments
from tests.unit.planner.networks import Builder, described
from tvm_patch.driver.plan import Planned
from tvm_patch.errors import UserError
from tvm_patch.graph import Tensor
from tvm_patch.planner.choose import Choice, Request, choose_plan
from tvm_patch.planner.explain import plan_memory
from tvm_patch.planner.network import Network
from tvm_patch.planner.plan import FrontPoint
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.report.make import segment_reports
from tvm_patch.report.models import InspectReport, OperatorMemory
from tvm_patch.report.published import published_points

pytest.importorskip("matplotlib")
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tvm_patch.report.plot import memory_figure
from tvm_patch.report.plot_parts import check_plot
from tvm_patch.report.plot_plan import plan_figure, plot_plan

pytestmark = pytest.mark.slow


def chain(length: int) -> Network:
    b = Builder(40, 40, 3)
    x = "in"
    for i in range(length):
        x = b.conv(x, 3 if i % 3 else 1, 2 if i % 25 == 1 else 1, 8)
    return b.network(x)


def planned(network: Network, mode="rereadable", seed: int | None = None, alternatives=None) -> Planned:
    """Plan a network; with a seed, draw random segments of many bands over it instead."""
    choice = choose_plan(network, Request(mode, "layer" if seed is not None else "auto"))
    segments = choice.point.segments
    if seed is not None:
        segments = tuple(random_segments(network, seed, longest=4, most_bands=5))
    memory = plan_memory(Schedule.of(network, segments, mode))
    before = plan_memory(Schedule.of(network, layer_by_layer(network)))
    plan = choice.plan
    if alternatives is not None:
        points = [
            FrontPoint(arena_bytes=1000 * (i + 5), overhead=1 + 0.1 * (alternatives - i), estimated_cycles=9)
            for i in range(alternatives)
        ]
        plan = plan.model_copy(update={"front": tuple(points)})
    return Planned(network, Choice(plan, choice.point, choice.front), memory, before)


def known(shape, depthwise: int, macs: int) -> Network:
    """Return a network that has the structure of a published one, and little else."""
    kinds = ["conv2d", *["depthwise_conv2d"] * depthwise]
    tensors = [Tensor(name, (1, *shape)) for name in ("in", *(f"t{i}" for i in range(len(kinds))))]
    operators = [
        described(i, f"op{i}", kind, (tensors[i],), (tensors[i + 1],), macs=0 if i else macs)
        for i, kind in enumerate(kinds)
    ]
    return Network.of("known", operators, tensors[:1], tensors[-1:])


def words(figure):
    """Return everything written in a figure, and the boxes of all that is seen."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    found = []
    for axes in figure.axes:
        texts = [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts, *axes.get_legend().get_texts()]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = axis.get_view_interval()
            texts += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
        found += [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text()]
    return found, figure.bbox


def assert_readable(figure):
    found, page = words(figure)
    for text, box in found:
        assert box.x0 >= page.x0 - 1, text
        assert box.y0 >= page.y0 - 1, text
        assert box.x1 <= page.x1 + 1, text
        assert box.y1 <= page.y1 + 1, text
    for (text, box), (other, second) in itertools.combinations(found, 2):
        assert not box.overlaps(second), (text, other)
    return [text for text, _ in found]


@pytest.mark.parametrize("alternatives", [1, 5])
@pytest.mark.parametrize(("operators", "seed"), [(1, None), (4, None), (20, 1), (60, 2), (100, 3), (160, 4)])
def test_words_of_a_plan_do_not_overlap(operators, seed, alternatives):
    figure = plan_figure("some-network", planned(chain(operators), seed=seed, alternatives=alternatives))
    texts = assert_readable(figure)
    assert any("rereadable input:" in t for t in texts)
    assert any("resident input:" in t for t in texts)
    # One plan has no alternatives to draw, and the picture one panel.
    assert len(figure.axes) == min(2, alternatives)
    assert ("plans, rereadable input" in texts) == (alternatives > 1)
    if operators >= 20:
        assert any(t.startswith("×") for t in texts)


@pytest.mark.parametrize("operators", [1, 20, 60, 100])
@pytest.mark.parametrize("plan", [True, False])
def test_words_of_an_inspection_do_not_overlap(operators, plan):
    network = chain(operators)
    p = planned(network, "rereadable", 5 if plan else None)
    part = {i: m for m in p.memory.segments for i in m.segment.operators}
    rows = [
        OperatorMemory(index=i, name="x", kind="conv2d", live_bytes=part[i].in_use, segment=part[i].position)
        for i in range(operators)
    ]
    report = InspectReport(
        model="net.tflite", input_mode="rereadable", scheme="auto", macs=1, macs_executed=1, overhead=1.0,
        weight_bytes=0, arena_bytes=p.memory.placement.arena_bytes, arena_lower_bound=0, arena_optimal=False,
        arena_method="greedy", operators=rows, segments=segment_reports(p.memory) if plan else [],
    )  # fmt: skip
    texts = assert_readable(memory_figure(report))
    assert any("rereadable input" in t for t in texts) == plan
    assert any("segments" in t for t in texts) == plan


KNOWN = {
    "MobileNetV2 1.0": ((224, 224, 3), 17, 300_775_552, {"MCUNetV2", "ST"}),
    "MobileNetV2 0.35": ((224, 224, 3), 17, 58_008_368, {"ST", "TiGrIS"}),
    "mcunet-in3": ((176, 176, 3), 18, 81_785_520, {"msf-CNN", "MCUNetV2", "TinyEngine"}),
    "mcunet-vww1": ((80, 80, 3), 15, 11_578_816, {"msf-CNN", "MCUNetV2", "TinyEngine"}),
    "mcunet-vww0": ((64, 64, 3), 14, 5_800_192, {"TinyEngine"}),
    "ResNet-8": ((32, 32, 3), 0, 12_501_632, {"ST"}),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_networks_have_peers(name):
    shape, depthwise, macs, peers = KNOWN[name]
    points = published_points(known(shape, depthwise, macs))
    assert {p.peer for p in points} == peers
    assert all(p.source and 0 < p.kib[0] <= p.kib[1] for p in points)
    assert all(p.overhead is None or p.overhead >= 1 for p in points)
    assert published_points(known((shape[0] + 1, *shape[1:]), depthwise, macs)) == ()
    assert published_points(known(shape, depthwise + 1, macs)) == ()
    assert published_points(known(shape, depthwise, 2 * macs)) == ()


@pytest.mark.parametrize("name", ["mcunet-in3", "MobileNetV2 0.35"])
def test_peers_are_in_the_picture(monkeypatch, name):
    shape, depthwise, macs, _ = KNOWN[name]
    points = published_points(known(shape, depthwise, macs))
    monkeypatch.setattr("tvm_patch.report.plot_plan.published_points", lambda _network: points)
    texts = assert_readable(plan_figure("net", planned(chain(12))))
    assert {p.label for p in points} <= set(texts)


@pytest.mark.parametrize("name", ["a$b$_^{", "模型", "x" * 300, "\udcff", ""])
@pytest.mark.parametrize("ending", ["png", "svg", "pdf", "PNG"])
def test_names_and_formats(tmp_path, recwarn, name, ending):
    path = tmp_path / f"p.{ending}"
    check_plot(path)
    plot_plan(name, planned(chain(2)), path)
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending.lower()]
    assert path.read_bytes().startswith(start)
    assert not recwarn.list


@pytest.mark.parametrize("name", ["p", "p.jpgx", "p.", "no/p.png"])
def test_files_that_no_picture_goes_to(tmp_path, name):
    with pytest.raises(UserError, match=r"a picture ends in \.png, \.svg, \.pdf|does not exist"):
        check_plot(tmp_path / name)
