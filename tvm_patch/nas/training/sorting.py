"""Channels in order of importance, so that the first ones, which small subnets keep, are the ones that matter.

A channel is as important as the sum of the absolute weights that read it (Once-for-All, Cai et al. 2020, section 3.3).
The super network computes the same after sorting.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import tensorflow as tf

from tvm_patch.nas.training.supernet import Block, Norm, SuperNetwork


def sort_channels(network: SuperNetwork) -> None:
    """Permute the channels of a super network, most important first.

    Those inside a block are read by its projection alone.  Those between blocks are one order for all blocks of a
    stage, since residuals add them, and for stages that a residual joins: every first layer that reads them counts.
    Those of the first and last convolution are never left out and stay.
    """
    blocks = network.blocks
    for block in blocks:
        if block.place.expands:
            _permute_inner(block, _by_importance([block.project]))
    for stages in _joined(blocks):
        makers = [b for b in blocks if b.place.stage in stages]
        readers = [after for b, after in pairwise([*blocks, None]) if b in makers and after is not None]
        last = []
        if blocks[-1] in makers:
            last = [network.head if network.head is not None else network.dense]
        order = _by_importance([_first_weight(b) for b in readers] + last)
        for block in makers:
            _permute(block.project, order, 1)
            _permute_norm(block.project_norm, order)
        for block in readers:
            if block.expand is not None:
                _permute(block.expand, order, 0)
            else:
                # What it reads is what is inside it.
                _permute_inner(block, order)
        for weight in last:
            _permute(weight, order, 0)


def _joined(blocks: Sequence[Block]) -> list[list[int]]:
    """Return the stages whose outputs have one order, but those that share that of the first convolution."""
    groups: list[list[int]] = [[-1]]
    for block in blocks:
        place = block.place
        if place.number == 0:
            if place.stride == 1 and place.inputs == place.outputs:
                groups[-1].append(place.stage)
            else:
                groups.append([place.stage])
    return groups[1:]


def _first_weight(block: Block) -> tf.Variable:
    return block.expand if block.expand is not None else block.project


def _by_importance(readers: Sequence[tf.Variable]) -> np.ndarray:
    """Return channels by the weights (channels, outputs) that read them, falling; equal ones in their order."""
    weights = [np.abs(reader.numpy()).sum(1) for reader in readers]
    return np.argsort(-np.sum(weights, 0), kind="stable")


def _permute_inner(block: Block, order: np.ndarray) -> None:
    if block.expand is not None and block.expand_norm is not None:
        _permute(block.expand, order, 1)
        _permute_norm(block.expand_norm, order)
    _permute(block.depthwise, order, 2)
    _permute_norm(block.depthwise_norm, order)
    _permute(block.project, order, 0)
    if block.squeeze:
        reduce, _, restore, restore_bias = block.squeeze
        _permute(reduce, order, 0)
        _permute(restore, order, 1)
        _permute(restore_bias, order, 0)


def _permute_norm(norm: Norm, order: np.ndarray) -> None:
    for weight in (norm.gamma, norm.beta, norm.mean, norm.variance):
        _permute(weight, order, 0)


def _permute(weight: tf.Variable, order: np.ndarray, axis: int) -> None:
    weight.assign(tf.gather(weight, order, axis=axis))
