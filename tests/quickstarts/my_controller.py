"""Runs a controller of one's own through the benchmark, beside two baselines."""

import numpy as np

from tvfs_gym.baselines import Choice, Controller, Reading
from tvfs_gym.baselines.controller import State
from tvfs_gym.experiments import benchmark


class Cautious(Controller):
    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        room = reading.t_max_c - reading.temperature_c
        level = np.clip(room // 3, 0, self.design.highest).astype(int)
        best = [self.design.most_accurate(highest).topology for highest in level]
        return Choice(np.array(best), level), state


print(benchmark([Cautious, "tvfs", "best_fixed"], suite="main", seeds=1))
