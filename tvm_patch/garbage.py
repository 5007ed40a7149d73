"""When Python looks for dead objects that refer to each other."""

import gc


def collect_rarely() -> None:
    """Look for cycles of dead objects seldom, in a process that compiles and ends.

    What a command makes is mostly alive until its end.  The usual thresholds go through all that importing TVM leaves
    four times: one second of twenty that a compilation takes.
    """
    gc.set_threshold(50_000, 10, 10)
