import pytest

from microtvm_project.arena_room import board_sram
from microtvm_project.boards import get_board
from tvm_patch.errors import UserError
from tvm_patch.nas.limits import Limits
from tvm_patch.nas.presets import PRESETS, SearchRecipe, preset_named, preset_names
from tvm_patch.nas.spaces import space_of
from tvm_patch.targets import get_target

PUBLISHED = [name for name in preset_names() if name not in PRESETS]


def test_full_scale_recipes_for_all_published_tasks_and_boards():
    assert {name.rsplit("-", 1)[0] for name in PUBLISHED} == {"imagenet", "vww", "wider-face", "voc"}
    assert {name.rsplit("-", 1)[1] for name in PUBLISHED} >= {"f412", "f746", "f765", "h743"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_full_scale_recipe_is_complete_and_can_be_kept_to(name):
    recipe = preset_named(name)
    assert (recipe.evolution.population, recipe.evolution.parents, recipe.evolution.generations) == (
        100,
        20,
        30,
    )
    assert recipe.text
    assert recipe.data
    assert recipe.space is not None
    board = get_board(recipe.board)
    limits = Limits(sram_bytes=recipe.sram_bytes or board_sram(board))
    space = space_of(recipe.space, 20)
    smallest = recipe.how.best(space.architecture(space.smallest()), get_target(board.cpu), limits)
    assert limits.fits(smallest.cost)


@pytest.mark.parametrize("name", preset_names())
def test_detectors_are_trained_gently(name):
    recipe = preset_named(name)
    gentle = recipe.for_detectors()
    parts = (gentle.training.largest, gentle.training.sampled, gentle.finish.tuning, gentle.finish.rounding)
    assert all(part.clip == 10 and part.rate <= 0.05 for part in parts)
    assert gentle.for_detectors() == gentle


def test_a_file_of_ones_own(tmp_path):
    own = preset_named("quick").model_copy(update={"space": "tiny-32k", "board": "nucleo_f412zg"})
    path = own.save(tmp_path / "own.json")
    assert preset_named(str(path)) == own
    path.write_text(own.to_json().replace('"batches": 8', '"batches": 0'))
    with pytest.raises(UserError, match=r"own\.json: batches"):
        preset_named(str(path))
    with pytest.raises(UserError, match="cannot read the search recipe"):
        preset_named(str(tmp_path / "none.json"))
    assert SearchRecipe.from_json(own.to_json()) == own
