"""``tvfs-gym rewards``: trains a policy under each of several rewards, and evaluates all alike.

A reward says what is wanted; what comes of it shows in metrics that no reward chose: accuracy,
latency relative to L_c, energy. The folder holds ``policies/REWARD`` and ``benchmark``, a folder of
``tvfs-gym benchmark`` over the scenarios of the suite on the board of the training.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from tvfs_gym.agents.training import Training
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.reward import reward_of
from tvfs_gym.experiments.benchmarks.plan import BenchmarkPlan
from tvfs_gym.experiments.benchmarks.suite import load_suite
from tvfs_gym.experiments.results.folder import write_provenance
from tvfs_gym.experiments.results.unfinished import finish

REFERENCES = ("tvfs", "predictive", "best_fixed")
"""Baselines that stand beside the policies."""

BENCHMARK, POLICIES, SUITE = "benchmark", "policies", "suite.toml"


@dataclass(frozen=True)
class Study:
    """A comparison of rewards.

    Attributes:
        algorithm: One of `tvfs_gym.agents.training.ALGORITHMS`.
        rewards: As `tvfs_gym.envs.reward.reward_of` takes them.
        board: Board profile: name or TOML file.
        family: Topology family: name or TOML file.
        suite: Suite that judges: name or TOML file.
        steps: Environment steps of a training; None for the algorithm's.
        seed: Seed of the trainings.
        seeds: Episodes of an evaluation per scenario.
    """

    algorithm: str
    rewards: tuple[str, ...]
    board: str
    family: str
    suite: str
    steps: int | None
    seed: int
    seeds: int

    def __post_init__(self) -> None:
        """Checks the rewards.

        Raises:
            InputError: There are fewer than two, two of the same name, or one that is none.
        """
        if len(set(self.rewards)) < max(len(self.rewards), 2):
            raise InputError(
                f"expected two or more rewards of different names, not "
                f"{', '.join(self.rewards) or 'none'}: repeat --reward."
            )
        for reward in self.rewards:
            reward_of(reward)

    def training(self, reward: str) -> Training:
        """The training under a reward, over conditions, units and rooms drawn at random."""
        environment: dict[str, Any] = {
            "profile": self.board,
            "family": self.family,
            "randomise": "conditions",
            "reward": reward,
        }
        return Training(self.algorithm, environment, self.steps, seed=self.seed)

    def run(self, output: Path | None, progress_bar: bool) -> Path:
        """Trains the policies that are missing, and evaluates all.

        Args:
            output: Folder to write or resume; None for the next free ``results/rewards_N``.
            progress_bar: True to show a progress bar.

        Returns:
            The folder.

        Raises:
            InputError: An argument is impossible, or the folder holds something else.
        """
        from tvfs_gym.experiments.benchmarks.benchmark import run  # and with it all of polars
        from tvfs_gym.experiments.learning.sweep import remove_drafts, train_whole
        from tvfs_gym.experiments.results.resuming import resumed_folder

        trainings = {reward: self.training(reward) for reward in self.rewards}
        suite = load_suite(self.suite).on_board(self.board)
        folder = resumed_folder(output, "rewards", vars(self))
        write_provenance(folder, vars(self))
        (folder / POLICIES).mkdir(exist_ok=True)
        remove_drafts(folder / POLICIES)
        for reward, training in trainings.items():
            policy = policy_folder(folder, reward)
            if not policy.is_dir():
                print(f"training {self.algorithm} under {reward}", flush=True)
                train_whole(training, policy, progress_bar)
        content = tomlkit.dumps(suite.model_dump(mode="json", exclude_none=True))
        write_whole(folder / SUITE, content.encode())
        controllers = [*(str(policy_folder(folder, reward)) for reward in self.rewards)]
        everyone = [*controllers, *REFERENCES]
        plan = BenchmarkPlan(str(folder / SUITE), everyone, self.seeds, self.board, self.family)
        run(plan, folder / BENCHMARK)
        finish(folder)
        return folder


def policy_folder(folder: Path, reward: str) -> Path:
    """Where the policy that was trained under a reward lies."""
    from tvfs_gym.experiments.results.cells import cell_name  # and with it all of polars

    return folder / POLICIES / cell_name(reward)
