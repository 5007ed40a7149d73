"""Host-driven runs: firmware that waits for what a host wants of it, and the host's side of that."""

from microtvm_project.session.link import BoardLostError, BoardTakenError, Link, Timing
from microtvm_project.session.rows import RowSource
from microtvm_project.session.session import BoardInfo, Inference, OperatorCost, Profile, Session

__all__ = [
    "BoardInfo",
    "BoardLostError",
    "BoardTakenError",
    "Inference",
    "Link",
    "OperatorCost",
    "Profile",
    "RowSource",
    "Session",
    "Timing",
]
