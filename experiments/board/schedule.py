"""Which episodes ``tvfs-gym run`` runs, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.experiments.controllers import check_name

ORDERS = ("randomised", "interleaved")


@dataclass(frozen=True)
class Schedule:
    """Which episodes are run.

    Attributes:
        controllers: Names, see `tvfs_gym.experiments.controllers.policy_named`.
        episodes: Episodes of each controller.
        order: Order of the controllers in a round of one episode each: ``randomised``, drawn
            anew for each round; or ``interleaved``, as they were named.
        seed: Seed of the order, and of the first round's frames.
    """

    controllers: Sequence[str]
    episodes: int
    order: str
    seed: int

    def __post_init__(self) -> None:
        if len(set(self.controllers)) < len(self.controllers):
            raise InputError("every --controller must be named once.")
        for name in self.controllers:
            check_name(name)
        if self.episodes < 1:
            raise InputError(f"the number of episodes must be at least 1, not {self.episodes}.")
        if self.order not in ORDERS:
            raise unknown("order", self.order, ORDERS)

    def runs(self) -> list[tuple[str, int]]:
        """Controller and seed of every episode; those of a round have the same seed."""
        rng = np.random.default_rng(self.seed)
        turns = []
        for seed in range(self.seed, self.seed + self.episodes):
            names = list(self.controllers)
            if self.order == "randomised":
                rng.shuffle(names)
            turns += [(name, seed) for name in names]
        return turns
