"""Where a network's input comes from; planner, artifact and boards say it with the same words."""

from __future__ import annotations

from typing import Literal, get_args

InputMode = Literal["resident", "rereadable", "streamed"]
"""``resident``: in the arena.  ``rereadable``: any row can be fetched at any time.  ``streamed``: rows arrive once, in
order."""

INPUT_MODES: tuple[InputMode, ...] = get_args(InputMode)
