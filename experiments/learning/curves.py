"""Learning curves: how many steps a training takes until its policy first beats `tvfs`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.agents.dagger.flights import Distribution, Flight, fly, teacher_named
from tvfs_gym.agents.dagger.training import DaggerPlan, judging_flights
from tvfs_gym.agents.policy import Card
from tvfs_gym.agents.policy_file import load
from tvfs_gym.agents.training import DAGGER, EVALUATION_SEED
from tvfs_gym.baselines import build
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.scenario import as_scenario
from tvfs_gym.experiments.episodes import run_episodes
from tvfs_gym.experiments.tuning.distribution import draw_episodes

REFERENCE = "tvfs"

INTERFACES = ("table and history", "plain")
"""A VF level is chosen, the design-time table names network and passes, and the history is seen; or
network and level are chosen from the last observation."""


@dataclass(frozen=True)
class Curve:
    """How a training came on, on episodes apart.

    Attributes:
        algorithm: Its name.
        interface: What it acted by and saw: one of `INTERFACES`.
        seed: Seed of the training.
        steps: Environment steps done at each evaluation.
        lead: Reliable accuracy less that of `REFERENCE` in the same episodes, points.
    """

    algorithm: str
    interface: str
    seed: int
    steps: NDArray[np.int64]
    lead: NDArray[np.float64]

    @property
    def label(self) -> str:
        """Algorithm and interface in a table's row."""
        return f"{self.algorithm}, {self.interface}"

    @property
    def first_beat(self) -> int | None:
        """Steps at the first evaluation at which it is ahead; None if it never is."""
        ahead = np.flatnonzero(self.lead > 0.0)
        return int(self.steps[ahead[0]]) if len(ahead) else None


def curve_of(training: Path) -> Curve:
    """Reads the evaluations of a training, and runs `REFERENCE` through the same episodes.

    Raises:
        InputError: The folder holds no training with evaluations.
    """
    file = training / "evaluations" / "evaluations.npz"
    try:
        with np.load(file) as stored:
            steps, results = stored["timesteps"], stored["results"]
            lengths = stored["ep_lengths"]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{training} holds no evaluations of a training: {error}.") from error
    card = load(training).card
    environment: dict[str, Any] = card.training["environment"]
    if card.algorithm == DAGGER:
        scores, reference = results.mean(axis=1), _on_flights(card)
    else:
        scores = (results / lengths).mean(axis=1)
        frames = as_scenario(environment.get("scenario")).frames
        reference = _on_episodes(card.board, card.family, results.shape[1], frames)
    return Curve(
        card.algorithm,
        INTERFACES[0] if card.knowledge else INTERFACES[1],
        card.training["seed"],
        steps,
        100.0 * (scores - reference),
    )


def _on_flights(card: Card) -> float:
    """Of the flights that judge a student."""
    environment, plan = card.training["environment"], card.training["plan"]
    distribution = Distribution(
        card.board,
        card.family,
        as_scenario(environment.get("scenario")),
        environment.get("randomise") == "conditions",
        plan.get("knowledge", "characterised"),
    )
    judged = {"judged_flights": plan["judged_flights"], "judged_units": plan["judged_units"]}
    flights = judging_flights(distribution, DaggerPlan(**judged), EVALUATION_SEED)
    return _flown(tuple(flights))


@lru_cache
def _flown(flights: tuple[Flight, ...]) -> float:
    teacher = teacher_named(REFERENCE)
    scores = [fly(flight, None, teacher).reliable_accuracy for flight in flights]
    return float(np.concatenate(scores).mean())


@lru_cache
def _on_episodes(board: str, family: str, episodes: int, frames: int) -> float:
    """Of the episodes that judge all other trainings."""
    scores = []
    for episode in draw_episodes([board], family, episodes, as_scenario({"frames": frames})):
        controller = build(REFERENCE, episode.design())
        (_, row), *_ = run_episodes(episode.twins(), controller, [episode.seed])
        scores.append(float(row["reliable_accuracy"]))
    return float(np.mean(scores))


def first_beats(curves: Sequence[Curve]) -> dict[str, list[int | None]]:
    """Steps at which the trainings were first ahead, by label, in order of appearance."""
    found: dict[str, list[int | None]] = {}
    for curve in curves:
        found.setdefault(curve.label, []).append(curve.first_beat)
    return found
