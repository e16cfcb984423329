"""A characterisation by a profile's law of latency, where nothing was measured."""

import numpy as np

from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.envs.boards.profile import BoardProfile
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.physics.latency import jitter_factor, pass_latency_s


def characterisation_by_law(family: Family, profile: BoardProfile) -> Characterisation:
    """Latencies by a profile's law; of temperatures nothing is known."""
    law = profile.latency
    clocks_ghz = [point.frequency_hz / 1e9 for point in profile.operating_points]
    median_s = np.array(
        [
            [
                pass_latency_s(clock, topology.relative_latency, law.clock_gcycles, law.memory_s)
                for clock in clocks_ghz
            ]
            for topology in family.topologies
        ]
    )
    p99_s = jitter_factor(law.jitter_log_sigma, 0.99) * median_s
    nowhere = np.zeros(len(clocks_ghz), bool)
    unknown_c = np.full(len(clocks_ghz), np.nan)
    return Characterisation(family, median_s, p99_s, p99_s[:, -1], unknown_c, nowhere, nowhere)
