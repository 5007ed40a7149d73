"""Which space suits a board: samples measured once, kept, compared."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from tvm_patch.driver.search_space import Limits, limits_of, search_space
from tvm_patch.errors import UserError
from tvm_patch.nas import survey as surveys
from tvm_patch.nas.code_size import code_bytes
from tvm_patch.nas.cost import layer_cost
from tvm_patch.nas.patched import best_patched
from tvm_patch.nas.planned import planned
from tvm_patch.nas.space import Space
from tvm_patch.nas.space_search import best_space, grid, judge, unsatisfiable
from tvm_patch.nas.spaces import tiny
from tvm_patch.nas.survey import Point, Settings, Surveyed, survey, survey_space
from tvm_patch.targets import TARGETS

TARGET = TARGETS["cortex-m7"]
LAYERS = Settings(target="cortex-m7", way="layers", samples=5, seed=3)
FAMILY = tuple(tiny(f"s{size}", 8, (8, 16, 24), (size,)) for size in (32, 48, 64))
KIB = 1024


def surveyed(name, *points):
    space = FAMILY[0].model_copy(update={"name": name})
    return Surveyed(settings=LAYERS, space=space, points=tuple(Point(*p) for p in points))


@pytest.mark.parametrize("way", ["layers", "patches", "planner"])
def test_a_point_is_what_a_sample_takes(way):
    settings = LAYERS.model_copy(update={"way": way, "samples": 2, "mode": "rereadable"})
    chance = random.Random(f"3 {FAMILY[0].name}")
    for point in survey_space(settings, FAMILY[0]).points:
        architecture = FAMILY[0].architecture(FAMILY[0].draw(chance))
        cost = {
            "layers": lambda a: layer_cost(a, TARGET, "rereadable"),
            "patches": lambda a: best_patched(a, TARGET, "rereadable", 1.5).cost,
            "planner": lambda a: planned(a, TARGET, "rereadable", 1.5).cost,
        }[way](architecture)
        assert point == (cost.arena_bytes, cost.flash_bytes, code_bytes(architecture, TARGET), cost.macs)


def test_the_same_seed_finds_the_same_in_any_number_of_processes(tmp_path):
    alone = survey(FAMILY, LAYERS, tmp_path / "alone")
    together = survey(FAMILY, LAYERS, tmp_path / "together", workers=2)
    assert alone == together
    assert [s.space for s in alone] == list(FAMILY)
    other = survey(FAMILY, LAYERS.model_copy(update={"seed": 4}), tmp_path / "other")
    assert [s.points for s in other] != [s.points for s in alone]


def test_an_interrupted_survey_goes_on(tmp_path, monkeypatch):
    whole = survey(FAMILY, LAYERS, tmp_path / "whole")
    measured = []

    def interrupted(settings, space):
        measured.append(space.name)
        if len(measured) == 2:
            raise KeyboardInterrupt
        return survey_space(settings, space)

    monkeypatch.setattr(surveys, "survey_space", interrupted)
    with pytest.raises(KeyboardInterrupt):
        survey(FAMILY, LAYERS, tmp_path / "half")
    assert survey(FAMILY, LAYERS, tmp_path / "half") == whole
    assert measured == ["s32", "s48", "s48", "s64"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 6}, r"s32.json was made with samples 5, not 6; give another folder, or remove it"),
        ({"seed": 4}, "was made with seed 3, not 4"),
        ({"mode": "streamed"}, "was made with mode resident, not streamed"),
        ({"target": "cortex-m4"}, "was made with target cortex-m7, not cortex-m4"),
    ],
)
def test_results_of_other_settings_are_refused(tmp_path, change, message):
    survey(FAMILY[:1], LAYERS, tmp_path)
    with pytest.raises(UserError, match=message):
        survey(FAMILY[:1], LAYERS.model_copy(update=change), tmp_path)


def test_results_of_another_space_or_version_are_refused(tmp_path):
    survey(FAMILY[:1], LAYERS, tmp_path)
    other = FAMILY[0].model_copy(update={"stem": 16})
    with pytest.raises(UserError, match=r"s32.json is of another space of this name"):
        survey([other], LAYERS, tmp_path)
    path = tmp_path / "s32.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2', 1))
    with pytest.raises(UserError, match=r"s32.json: version: 2 is not known"):
        survey(FAMILY[:1], LAYERS, tmp_path)


def test_patches_of_a_streamed_input_are_refused(tmp_path):
    settings = LAYERS.model_copy(update={"way": "patches", "mode": "streamed"})
    with pytest.raises(UserError, match="use rereadable, or no patches"):
        survey(FAMILY, settings, tmp_path)


def test_the_space_with_the_largest_mean_is_best():
    small = surveyed("small", (100, 50, 50, 10), (100, 50, 50, 20))
    large = surveyed("large", (100, 50, 50, 40), (101, 50, 50, 90), (100, 51, 50, 90))
    best = best_space([small, large], 100, 100)
    assert (best.surveyed, best.share, best.mean_macs) == (large, 1 / 3, 40)
    assert [j.surveyed for j in judge([small, large], 101, 100)] == [large, small]
    assert judge([small, large], 101, 100)[0].mean_macs == fmean([40, 90])


def test_a_space_of_which_hardly_anything_fits_is_no_choice():
    lucky = surveyed("lucky", (1, 1, 0, 1000), *[(9, 1, 0, 1)] * 99)
    safe = surveyed("safe", *[(1, 1, 0, 10)] * 100)
    assert best_space([lucky, safe], 5, 5).surveyed == safe
    assert best_space([lucky], 5, 5).surveyed == lucky


SMALL, LARGE = Point(10, 30, 20, 1), Point(200, 10, 10, 1)
BOTH = [SMALL, LARGE]


@pytest.mark.parametrize(
    ("points", "sram", "flash", "message"),
    [
        (BOTH, 5, 60, "none of 2 networks fits 5 bytes of SRAM and 60 of flash; "),
        (BOTH, 5, 60, "what does: 10 bytes of SRAM with this flash"),
        ([SMALL], 15, 30, "what does: 50 bytes of flash with this SRAM"),
        (BOTH, 15, 20, "what does: 200 bytes of SRAM with this flash, or 50 bytes of flash with this SRAM"),
        (BOTH, 5, 5, "what does: 10 bytes of SRAM and 50 of flash"),
    ],
)
def test_limits_that_cannot_be_kept_name_the_nearest(points, sram, flash, message):
    assert message in unsatisfiable(points, sram, flash)


def test_the_grid_keeps_what_fits_each_cell():
    small = surveyed("small", (200 * KIB, 400 * KIB, 0, 10))
    large = surveyed("large", (300 * KIB, 900 * KIB, 0, 40))
    cells = {(c.sram, c.flash): c.best and c.best.surveyed for c in grid([small, large], 256 * KIB)}
    assert cells[192 * KIB, 512 * KIB] is None
    assert cells[256 * KIB, 2048 * KIB] == small
    assert cells[320 * KIB, 1024 * KIB] == large
    assert cells[512 * KIB, 512 * KIB] == small
    assert {c.sram for c in grid([small], 16 * KIB)} == {k * KIB for k in (8, 16, 24, 32, 48, 64)}


def test_the_planner_is_asked_of_the_best_spaces_only(tmp_path, monkeypatch):
    monkeypatch.setattr("tvm_patch.driver.search_space.KEPT", 1)
    monkeypatch.setattr("tvm_patch.driver.search_space.family_of", lambda *_: FAMILY)
    settings = LAYERS.model_copy(update={"way": "planner", "samples": 2})
    found = search_space("nucleo_f746zg", "tiny", settings, Limits(64 * KIB, 512 * KIB), tmp_path)
    assert [s.space.name for s in found.surveys] == ["s64"]
    assert len(list((tmp_path / "patches").iterdir())) == 3
    assert Space.load(tmp_path / "space.json") == FAMILY[2]


def test_limits_are_the_boards_unless_said():
    assert limits_of("stm32f746g_disco", None, None) == Limits(248 * KIB, 1024 * KIB)
    assert limits_of("stm32f746g_disco", 1000, None) == Limits(1000, 1024 * KIB)
    with pytest.raises(UserError, match="host has no memories of known size; give --sram and --flash"):
        limits_of("host", None, 1000)
