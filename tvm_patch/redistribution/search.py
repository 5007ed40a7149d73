"""The redistribution with the least overhead at equal work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod

from tvm_patch.errors import PlanError, UnsupportedError, UserError
from tvm_patch.redistribution.early import Choice, Early, EarlyStage, choices, combinations, sensible
from tvm_patch.redistribution.edits import Edit
from tvm_patch.redistribution.late import Late, LateOptions, finite
from tvm_patch.redistribution.structure import Structure
from tvm_patch.tflite.model import Model

Progress = Callable[[str, float | None], None]

TOLERANCE = 0.05
"""How far the multiply-accumulates may be from the original's, as a part of them."""
MOST_LOOKED_AT = 64
"""Combinations of shrinking that are all looked at; of more, the search starts from the smallest stage."""


def search(
    model: Model, structure: Structure, layers: int, patches: int, progress: Progress | None = None
) -> list[Edit]:
    """Return the edits that give the least overhead.

    What is kept: multiply-accumulates within 5 % of the original's; at least as large a receptive field at the end; no
    fewer blocks.  Among equals the closest multiply-accumulates win, in whole percents, then the fewest edits.
    Nothing is random: equal input gives equal edits.

    Parameters
    ----------
    model : Model
        In canonical form.
    structure : Structure
        Of the same network.
    layers, patches : int
        The patch stage.
    progress : callable, optional
        Called with what is being looked at and the fraction done.

    Raises
    ------
    UserError
        When there is nothing to shrink, or no way to give the work back.
    """
    options = choices(structure, layers)
    if not options:
        raise UserError(
            f"nothing in the patch stage of {structure.network.name} ({layers} operators) can be shrunk; "
            "give --layers a larger number"
        )
    given_back = LateOptions(structure, layers)
    stage = EarlyStage(model, structure.network.operators[layers - 1].outputs[0], patches)
    whole, found = stage.look(()), list[tuple[tuple[float, ...], Early, Late]]()
    for early in _candidates(structure, stage, options, progress or (lambda text, part: None)):
        best = _best_late(structure, whole, early, given_back)
        if best is not None:
            found.append((_rank(structure, whole, early, best), early, best))
    if not found:
        raise UserError(
            f"no way to give back the work of the patch stage of {structure.network.name} ({layers} operators) within "
            f"{TOLERANCE:.0%} of the network's multiply-accumulates; give --layers a smaller number"
        )
    _, early, late = min(found, key=lambda f: f[0])
    return [*early.edits, *late.edits]


def _total(structure: Structure, whole: Early, early: Early, late: Late) -> int:
    return structure.network.macs - whole.macs + early.macs + late.macs


def _best_late(structure: Structure, whole: Early, early: Early, late: LateOptions) -> Late | None:
    """Return the best way to give back what `early` saves, or None."""
    lost = (finite(whole.field[0] - early.field[0]), finite(whole.field[1] - early.field[1]))
    tolerance = int(TOLERANCE * structure.network.macs)
    return late.best(whole.macs - early.macs, tolerance, lost, early.removed)


def _rank(structure: Structure, whole: Early, early: Early, late: Late) -> tuple[float, ...]:
    total = _total(structure, whole, early, late)
    return (
        round(early.twice / total, 6),
        len(early.edits) + len(late.edits),
        abs(total - structure.network.macs),
    )


def _candidates(
    structure: Structure, stage: EarlyStage, options: list[Choice], progress: Progress
) -> Iterable[Early]:
    """Yield the shrunk stages to choose from."""
    if prod(map(len, options)) <= MOST_LOOKED_AT:
        every = list(combinations(structure, options))
        for i, edits in enumerate(every):
            progress(f"shrunk stage {i + 1} of {len(every)}", i / len(every))
            early = _look(stage, edits)
            if early is not None:
                yield early
        return
    # Everything shrunk, then each part given back as far as the work computed twice does not grow.
    picked = [len(option) - 1 for option in options]

    def look() -> Early | None:
        parts = [option[k] for option, k in zip(options, picked, strict=True)]
        return _look(stage, sensible(structure, [e for part in parts for e in part]))

    best = look()
    if best is not None:
        yield best
    for i in range(len(options)):
        progress(f"part {i + 1} of {len(options)}", i / len(options))
        smallest = picked[i]
        for k in range(smallest):
            picked[i] = k
            tried = look()
            if tried is None:
                continue
            yield tried
            if best is None or tried.twice <= best.twice:
                best = tried
                break
        else:
            picked[i] = smallest


def _look(stage: EarlyStage, edits: Sequence[Edit]) -> Early | None:
    """Return the stage under `edits`; None where there are none, or where it cannot be edited or cut so."""
    try:
        return stage.look(edits) if edits else None
    except (PlanError, UnsupportedError):
        return None
