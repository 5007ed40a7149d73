"""``tvm-patch search`` on a tiny tree of pictures, and what it refuses before any work."""

from __future__ import annotations

import json

import pytest

from tests.unit.nas.data.trees import noise, paint
from tests.unit.nas.training.little import SPACE
from tvm_patch.nas.evolution import Evolution
from tvm_patch.nas.presets import PRESETS, preset_named, preset_names
from tvm_patch.nas.schedule import Candidate
from tvm_patch.nas.space import Space
from tvm_patch.tflite.reader import read_model


@pytest.fixture
def pictures(tmp_path):
    """Two classes that are easy to tell, in ImageNet's layout without a split."""
    for index in range(24):
        noise(tmp_path / "pictures" / "noise" / f"{index}.png", seed=index)
        paint(tmp_path / "pictures" / "plain" / f"{index}.png", color=(10 * index, 40, 200))
    return tmp_path / "pictures"


@pytest.mark.slow
def test_search(command, pictures, tmp_path):
    pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")
    folder, space = tmp_path / "found", SPACE.save(tmp_path / "space.json")
    limits = ("--board", "qemu_m7", "--sram", "3K", "--flash", "24K", "--input-mode", "rereadable")
    asked = ("search", "--data", pictures, "-o", folder, "--space", space, "--preset", "smoke", *limits)
    code, out, _ = command(*asked, "--json", "-")
    assert code == 0
    report = json.loads(out)
    assert report == json.loads((folder / "report.json").read_text())
    assert report["arena_bytes"] <= 3 * 1024
    assert report["predicted_flash_bytes"] <= 24 * 1024
    assert (report["classes"], report["differing"]) == (["noise", "plain"], 0)
    assert report["test_accuracy"] > 0.8
    assert report["judged"] == 36
    candidate = Candidate.load(folder / "candidate.json")
    assert candidate.architecture.resolution == report["resolution"]
    assert (candidate.architecture.classes, candidate.architecture.colors) == (2, 3)
    assert len(read_model(folder / "network.tflite").operators) > 5
    assert (folder / "artifact" / "metadata.json").exists()
    assert all(
        (folder / name).stat().st_size > 1000
        for name in ("generations.png", "front.png", "memory.png", "network.keras")
    )
    code, out, _ = command(*asked)
    assert code == 0, "it is done, and only looks again"
    for words in ("bit for bit", "of 3.0 KiB", "subnets judged", "2 classes"):
        assert words in out
    code, _, err = command(*asked, "--seed", "1")
    assert code == 2
    assert "is of a search with another seed" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--preset", "huge"), "there is no preset huge; use smoke, quick, imagenet-f412"),
        (("--board", "nothing"), "nothing"),
        (("--sram", "much"), "--sram"),
        (("--flash", "-3"), "--flash"),
        (("--board", "qemu_m7", "--latency", "3"), "qemu_m7 has no clock"),
        (("--max-overhead", "0.5"), "--max-overhead"),
    ],
)
def test_mistakes(refused, tmp_path, options, message):
    assert message in refused("search", "--data", "digits", "-o", tmp_path / "found", *options)


def test_data_that_is_none(refused, tmp_path):
    pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")
    (tmp_path / "empty").mkdir()
    assert "empty" in refused("search", "--data", tmp_path / "empty", "-o", tmp_path / "found")
    assert "none" in refused("search", "--data", tmp_path / "none", "-o", tmp_path / "found")


def test_a_folder_that_cannot_be_one(refused, pictures, tmp_path):
    pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")
    (tmp_path / "file").touch()
    asked = ("search", "--data", pictures, "--preset", "smoke", "--sram", "16K", "-o")
    assert "cannot make the folder" in refused(*asked, tmp_path / "file")


def test_without_tensorflow(refused, tmp_path, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorflow" else found(name)
    )
    message = refused("search", "--data", "digits", "-o", tmp_path / "found")
    assert "pip install 'tvm-patch[nas]'" in message


def test_a_space_that_is_none(refused, pictures, tmp_path):
    pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")
    asked = ("search", "--data", pictures, "-o", tmp_path / "found", "--space")
    assert "cannot read the space huge" in refused(*asked, "huge")
    path = tmp_path / "space.json"
    path.write_text(Space.to_json(SPACE).replace("little", 'x", "odd": "1'))
    assert "odd" in refused(*asked, path)


@pytest.mark.verify
@pytest.mark.parametrize("name", [name for name in preset_names() if name not in PRESETS])
def test_published_recipes_run_on_a_tiny_tree(command, pictures, tmp_path, name):
    """All of it but the numbers of steps and subnets, and the space, which takes a minute to trace."""
    pytest.importorskip("tensorflow", reason="needs the extra [nas]: pip install 'tvm-patch[nas]'")
    recipe = preset_named(name)

    def short(part):
        return part.model_copy(update={"steps": 2, "batch": 8, "warmup": 1})

    training = recipe.training.model_copy(
        update={"largest": short(recipe.training.largest), "sampled": short(recipe.training.sampled)}
    )
    finish = recipe.finish.model_copy(
        update={
            "tuning": short(recipe.finish.tuning),
            "rounding": short(recipe.finish.rounding),
            "samples": 8,
        }
    )
    evolution = Evolution(population=3, parents=2, crossed=1, mutated=1, generations=1)
    few = {"training": training, "finish": finish, "evolution": evolution, "batches": 1}
    path = recipe.model_copy(update=few).save(tmp_path / "short.json")
    space, folder = SPACE.save(tmp_path / "space.json"), tmp_path / "found"
    code, out, err = command(
        "search", "--preset", path, "--data", pictures, "--space", space, "-o", folder, "--json", "-"
    )
    assert code == 0, err
    report = json.loads(out)
    assert (report["board"], report["differing"]) == (recipe.board, 0)
