"""Which configs of kernels were measured: a user's database and the one that comes with the project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tvm_patch.kernels.base import Preference
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.targets import Target
from tvm_patch.tuning.database import load_measured
from tvm_patch.tuning.shipped import load_shipped


def tuned_configs(
    target: Target, folder: Path | None, preference: Preference, cycles_of: Sequence[str] = ()
) -> TunedConfigs:
    """Return what databases say.

    Parameters
    ----------
    target : Target
        What to compile for; only what was measured for it counts.
    folder : Path or None
        A database that is asked before the project's own.
    preference : {"size", "balanced", "speed"}
        ``size`` asks none.
    cycles_of : sequence of str
        The board and the core to compile for, where a database has cycles.

    Raises
    ------
    UserError
        When the folder holds no database.
    """
    own = load_measured(folder, cycles_of) if folder is not None else {}
    if preference == "size":
        return TunedConfigs(preference=preference)
    return TunedConfigs({**load_shipped(target.tuned_on), **own}, preference, target.tuned_on)
