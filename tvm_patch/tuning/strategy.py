"""How candidates are chosen: all configs of a kernel are listed, and the cost model says which come next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from tvm_patch.kernels import Kernel
from tvm_patch.lowering.workload import config_of, knobs_of, schedule_of, text_of
from tvm_patch.tuning.features import features_of

Config = Mapping[str, int]


def listed(kernel: Kernel, usual: Kernel, seed: int) -> list[dict[str, int]]:
    """Return all configs of a kernel, those that are used without a database first, the others shuffled.

    Parameters
    ----------
    kernel : Kernel
        As plans reckon with it.
    usual : Kernel
        As it is compiled layer by layer.
    seed : int
        Of the order.
    """
    candidates = [{k: int(v) for k, v in c.items()} for c in kernel.candidates()]
    # A kernel may have more in its config than what is tuned.
    first = [
        {name: int(k.config[name]) for name in candidates[0] if name in k.config} for k in (usual, kernel)
    ]
    rest = [c for c in candidates if c not in first]
    order = np.random.default_rng(seed).permutation(len(rest))
    unique = [c for i, c in enumerate(first) if c in candidates and c not in first[:i]]
    return [*unique, *(rest[i] for i in order)]


@dataclass
class Budget:
    """How many more candidates all tasks together may look at."""

    left: int


@derived_object
class ListedSearch(ms.search_strategy.PySearchStrategy):
    """Takes the configs that the cost model thinks best, a batch at a time; the first batch as listed."""

    def __init__(self, configs: Sequence[Config], budget: Budget) -> None:
        super().__init__()
        self.left, self.budget, self.begun = list(configs), budget, False
        self.knobs = knobs_of(configs)
        # Any: TVM's classes have no types; both are set before they are used.
        self.context: Any = None
        self.model: Any = None
        self.batch = 0

    def _initialize_with_tune_context(self, context: ms.TuneContext) -> None:
        self.context = context

    def pre_tuning(
        self,
        max_trials: int,
        num_trials_per_iter: int,
        design_spaces: list[object],
        database: ms.database.Database | None = None,
        cost_model: ms.cost_model.CostModel | None = None,
    ) -> None:
        """Take note of the sizes and the cost model."""
        self.batch, self.model = num_trials_per_iter, cost_model

    def post_tuning(self) -> None:
        """Do nothing."""

    def generate_measure_candidates(self) -> list[ms.MeasureCandidate] | None:
        """Return the next batch, None when all were tried."""
        count = min(self.batch, self.budget.left)
        if not self.left or count <= 0:
            return None
        if self.begun:
            scores = self.model.predict(self.context, [self._candidate(c) for c in self.left])
            order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
            self.left = [self.left[i] for i in order]
        self.begun, chosen, self.left = True, self.left[:count], self.left[count:]
        self.budget.left -= len(chosen)
        return [self._candidate(c) for c in chosen]

    def _candidate(self, config: Config) -> ms.MeasureCandidate:
        return ms.MeasureCandidate(schedule_of(self.context.mod, self.knobs, config), [])

    def notify_runner_results(
        self, measure_candidates: list[ms.MeasureCandidate], results: list[ms.runner.RunnerResult]
    ) -> None:
        """Do nothing: the cost model learns."""

    def clone(self) -> ListedSearch:
        """Return another one."""
        return ListedSearch(self.left, self.budget)


@derived_object
class ConfigFeatures(ms.feature_extractor.PyFeatureExtractor):
    """Describes candidates to XGBoost by their numbers, as the blocks are empty."""

    def __init__(self, kernels: Mapping[str, Kernel]) -> None:
        super().__init__()
        self.kernels = kernels

    def extract_from(self, context: ms.TuneContext, candidates: list[ms.MeasureCandidate]) -> list[object]:
        """Return one row of numbers a candidate."""
        import tvm

        kernel = self.kernels[text_of(context.mod)]
        rows = [features_of(kernel, config_of(c.sch.mod)) for c in candidates]
        return [tvm.runtime.tensor(row[None, :]) for row in rows]
