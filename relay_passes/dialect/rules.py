"""Rules of ``LegalizeQuantized``: which piece of quantized Relax is which operator of the dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from relay_passes.island import Island

Rule = Callable[[Island], Any | None]
"""From an island the expression that replaces it, or None when it is not of its kind."""
Direct = Callable[[Any, Any], Any | None]
"""From a stock call on integers and its first tensor in the new function the dialect's call, or None when the call
has a form that TFLite does not have."""

RULES: dict[str, list[Rule]] = {}
"""By the stock operator at the root of an island (activations taken off); the first that answers wins."""
DIRECT: dict[str, Direct] = {}
"""By stock operator that appears directly on integers, without dequantize and quantize around it."""

R = TypeVar("R", bound=Rule)
D = TypeVar("D", bound=Direct)


def island_rule(*roots: str, last: bool = False) -> Callable[[R], R]:
    """Decorate a rule for islands with one of these roots; `last` for one that takes what others leave."""

    def add(rule: R) -> R:
        for root in roots:
            rules = RULES.setdefault(root, [])
            rules.insert(len(rules) if last else 0, rule)
        return rule

    return add


def direct_rule(stock: str) -> Callable[[D], D]:
    """Decorate the rule for a stock operator on integers."""

    def add(rule: D) -> D:
        DIRECT[stock] = rule
        return rule

    return add
