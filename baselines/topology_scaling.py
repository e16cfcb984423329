"""Topology scaling alone: the clock stays at its highest VF level."""

import numpy as np

from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.envs.boards.board import Configuration


def topology_scaling(design: Design) -> Fixed:
    """The most accurate topology that meets L_c even while the kernel throttles.

    Peluso, Rizzo, Calimera, "Efficacy of Topology Scaling for Temperature and Latency Constrained
    Embedded ConvNets", JLPEA 2020, 10(1), 10: "different latency constraints can be met even under
    continuous inference, yet with a severe accuracy penalty forced by thermal constraints", and the
    chip still gets critically hot. Reconstruction: the abstract states no selection rule; here the
    99th percentile of a topology's latency, measured under continuous inference at the highest VF
    level with throttling at work, must meet L_c (if none does, the fastest topology is taken).
    """
    fits = design.characterisation.throttled_p99_s <= design.known.latency_constraint_s
    accuracy = np.where(fits, design.accuracy()[:, design.highest], 0.0)
    return Fixed(design, Configuration(int(accuracy.argmax()), design.highest))
