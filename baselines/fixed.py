"""A fixed configuration, and the best one in hindsight."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.controller import Choice, Controller, Design, State
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.observation import Reading
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

SEARCH_SEED = 1_000_003
"""Seed of the search's episodes, which no benchmark shares."""

MakeTwins = Callable[[Sequence[Scenario]], TwinVectorEnv]
"""Makes a batch of twins, one per scenario."""


class Fixed(Controller):
    """Always the same configuration.

    Args:
        design: Knowledge before the run.
        configurations: The configuration; or one for each board of the batch.
    """

    def __init__(self, design: Design, *configurations: Configuration) -> None:
        super().__init__(design)
        self.configurations = configurations

    def decide(self, reading: Reading, state: State) -> tuple[Choice, State]:
        """Returns each board's one configuration."""
        topology, level, passes = zip(
            *((each.topology, each.vf_level, each.max_passes) for each in self.configurations),
            strict=True,
        )
        budgets = None if None in passes else self._batch(passes, reading)
        return Choice(self._batch(topology, reading), self._batch(level, reading), budgets), state

    @staticmethod
    def _batch(values: Sequence[int | None], reading: Reading) -> NDArray[np.int64]:
        return np.broadcast_to(np.array(values, np.int64), len(reading.temperature_c)).copy()


def best_fixed(design: Design, make_twins: MakeTwins, scenarios: Sequence[Scenario]) -> Fixed:
    """The fixed configurations with the highest reliable accuracy in the very scenarios.

    They are found by trying every configuration that meets L_c on a cold board, in an episode of
    each scenario with a seed of its own. So it knows what no other baseline does, the unit, the
    scenario's ambient temperature and cooling, now and later: a bound on what choosing once can
    reach.

    Args:
        design: Knowledge before the run.
        make_twins: Makes twins of the scenarios.
        scenarios: Those of the episodes to come, in the batch's order; a single one for all.
    """
    topology, level = np.nonzero(design.accuracy() > 0)
    distinct = list(dict.fromkeys(scenarios))
    env = make_twins([scenario for scenario in distinct for _ in topology])
    batch = len(distinct) * len(topology)
    actions = env.actions.batch(np.tile(topology, len(distinct)), np.tile(level, len(distinct)))
    env.reset(seed=[SEARCH_SEED] * batch)
    reliable, running = np.zeros(batch), np.ones(batch, bool)
    while running.any():
        _, _, terminated, truncated, info = env.step(actions)
        reliable += np.where(running, Window(info["window"]).reliable_frames, 0.0)
        running &= ~(terminated | truncated)
    best = reliable.reshape(len(distinct), -1).argmax(axis=1)
    found = {
        scenario: Configuration(int(topology[i]), int(level[i]))
        for scenario, i in zip(distinct, best, strict=True)
    }
    return Fixed(design, *(found[scenario] for scenario in scenarios))
