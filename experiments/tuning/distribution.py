"""The episodes that the baselines are tuned on.

Every episode is what `tvfs_gym.envs.twin_env.TwinEnv` with ``randomise="conditions"`` starts with
its seed: another unit in another room under other constraints and conditions. The suites of the
benchmark have the seeds 0, 1, ..., and none of these.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from tvfs_gym.baselines import Design, characterise
from tvfs_gym.baselines.tuned import TuningDistribution
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.lengths import frames_of_episode, frames_per_step
from tvfs_gym.envs.randomisation import DomainRandomisation, Episodes
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

FIRST_SEED = 10_000
"""Seed of the first episode, beyond those of every suite."""


@dataclass(frozen=True)
class TuningEpisode:
    """An episode on a board.

    Attributes:
        board: Board profile: name or TOML file.
        family: Topology family: name or TOML file.
        scenario: The scenario drawn.
        seed: Its seed.
    """

    board: str
    family: str
    scenario: Scenario
    seed: int

    @property
    def frames_per_step(self) -> int:
        """Frames of a step, as in the benchmark."""
        return frames_per_step(self.scenario.latency_constraint_s)

    def design(self) -> Design:
        """Knowledge of the episode's controllers, from the board's characterisation.

        As in the benchmark, the board is characterised for the kernel and T_max at hand, but at the
        usual ambient temperature and cooling.
        """
        env = _env(self.board, self.family, self.frames_per_step)
        known = Scenario(t_max_c=self.scenario.t_max_c, throttling=self.scenario.throttling)
        return Design.of(env, characterise(env.board, known), self.scenario)

    def twins(self, count: int = 1) -> TwinVectorEnv:
        """A batch of twins, each of which is the one."""
        return TwinVectorEnv(
            count,
            self.board,
            self.family,
            self.scenario,
            self.frames_per_step,
            choose_passes=True,
            info_frames=True,
            photographs="design",
        )


@lru_cache
def _env(board: str, family: str, frames_per_step: int) -> BoardEnv:
    return TwinEnv(board, family, frames_per_step=frames_per_step, choose_passes=True)


def draw_episodes(
    boards: Sequence[str], family: str, episodes: int, scenario: Scenario | None = None
) -> list[TuningEpisode]:
    """Draws the episodes; their seeds count up from `FIRST_SEED`, the boards in turn.

    Args:
        boards: Board profiles: names or TOML files.
        family: Topology family: name or TOML file.
        episodes: Episodes of each board.
        scenario: What is not drawn; None for the defaults, in episodes as long as those of the
            benchmark.
    """
    draws = {}
    for board in boards:
        profile = load_profile(board)
        nominal_s = TwinBoard(profile, load_family(family)).nominal_latency_s
        draws[board] = DomainRandomisation.of("conditions", profile, nominal_s)
    drawn = []
    for index in range(episodes * len(boards)):
        board, seed = boards[index % len(boards)], FIRST_SEED + index
        randomisation = draws[board]
        assert randomisation is not None
        key = Episodes.seeded(seed).next_key()
        conditions = randomisation.draw(scenario or Scenario(), key)
        if scenario is None:
            conditions = conditions.with_values({"frames": frames_of_episode(conditions)})
        drawn.append(TuningEpisode(board, family, conditions, seed))
    return drawn


def description(episodes: Sequence[TuningEpisode]) -> TuningDistribution:
    """Describes what was drawn, down to every value."""
    boards = tuple(dict.fromkeys(episode.board for episode in episodes))
    text = json.dumps([episode.scenario.model_dump(mode="json") for episode in episodes])
    return TuningDistribution(
        boards=boards,
        family=episodes[0].family,
        episodes=len(episodes) // len(boards),
        first_seed=episodes[0].seed,
        digest=sha256(text.encode()).hexdigest(),
    )
