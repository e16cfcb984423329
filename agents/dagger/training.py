"""The rounds of DAgger: fly, ask the teacher, fit the student, judge it.

S. Ross, G. Gordon, D. Bagnell, "A Reduction of Imitation Learning and Structured Prediction to
No-Regret Online Learning", AISTATS 2011. In the first round the teacher acts, afterwards the
student does; every round's lessons join those of the rounds before. The policy that is kept is
that of the round with the highest reliable accuracy on flights apart, from which no lesson comes.
On these its margin below T_max is set, too, by the rule by which the baselines' are.
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from tvfs_gym.agents.dagger.fitting import Dataset, fit_rungs
from tvfs_gym.agents.dagger.flights import (
    Distribution,
    Flight,
    FlightOutcome,
    Lessons,
    fly,
    teach,
    teacher_named,
)
from tvfs_gym.agents.network import Adam
from tvfs_gym.agents.policy import Card
from tvfs_gym.agents.policy_file import load, write
from tvfs_gym.agents.rungs import Features, RungNetwork, RungPolicy
from tvfs_gym.baselines.tuned import MARGIN_C, safest_of_the_best
from tvfs_gym.envs.arrays import read_arrays, write_arrays
from tvfs_gym.envs.errors import InputError, at_least

CHECKPOINT = "checkpoint"
"""Folder of what a training that was stopped goes on from."""


@dataclass(frozen=True)
class DaggerPlan:
    """How a training goes.

    Attributes:
        teacher: Name of the teacher.
        rounds: Rounds.
        imitated_rounds: Rounds after which the student is fitted to the teacher's choices; after
            the later ones, to what all rungs are worth.
        flights: Flights of a round, each under another scenario.
        units: Episodes of a flight, each on another unit and in another room.
        kept: Share of the steps that become lessons: neighbours are much alike.
        fits: Gradient steps after each round.
        batch: Lessons of a gradient step.
        learning_rate: Of the first gradient step; it falls to a twentieth along a cosine.
        hidden: Units of the network's hidden layers.
        judged_flights: Flights that every round is judged on.
        judged_units: Episodes of each of them.
    """

    teacher: str = "told"
    rounds: int = 8
    imitated_rounds: int = 3
    flights: int = 12
    units: int = 16
    kept: float = 0.4
    fits: int = 300
    batch: int = 384
    learning_rate: float = 3e-3
    hidden: tuple[int, ...] = (64, 32)
    judged_flights: int = 12
    judged_units: int = 8

    def __post_init__(self) -> None:
        """Checks the rounds, and the flights: of one alone, nobody knows how far it varies.

        Raises:
            InputError: There are none, or there is but one flight to judge on.
        """
        at_least("the number of rounds", self.rounds, 1)
        at_least("the number of flights that are judged", self.judged_flights, 2)


ANY_BOARD_PLAN = DaggerPlan(flights=24, units=6, judged_flights=32, judged_units=2)
"""How it goes on boards drawn at random: many of them, few units of each."""

MARGINS_C = MARGIN_C.grid
"""Margins below T_max that are tried, the safest first: what a student is taught one step ahead
leaves out that heat which builds up where its sensor reads low does not go within a step."""

MARGINS = "judged_by_margin_c"
"""Entry of a card's training: what each of them came to."""


def _is_warm(number: int) -> bool:
    """Tells which flights begin with a warm board: every second one."""
    return number % 2 == 1


def judging_flights(distribution: Distribution, plan: DaggerPlan, first_seed: int) -> list[Flight]:
    """Flights that every round is judged on.

    Args:
        distribution: What they are drawn from.
        plan: How many there are.
        first_seed: Seed of the first one.
    """
    return [
        distribution.flight(
            first_seed + number * plan.judged_units, plan.judged_units, _is_warm(number)
        )
        for number in range(plan.judged_flights)
    ]


class DaggerTraining:
    """A training by DAgger, which goes on where it was stopped.

    Args:
        distribution: What flights are drawn from.
        plan: How it goes.
        seeds: Seed of the first flight, of the rest, and of the first flight that is judged.
        card: Entries of the policy's card.

    Raises:
        InputError: There is no such teacher.
    """

    def __init__(
        self,
        distribution: Distribution,
        plan: DaggerPlan,
        seeds: tuple[int, int, int],
        card: dict[str, Any],
    ) -> None:
        self._distribution, self._plan, self._card = distribution, plan, card
        self._first_seed, self._seed, self._judged_seed = seeds
        self._teacher = teacher_named(plan.teacher)
        self._student = RungNetwork.drawn(plan.hidden, np.random.default_rng(seeds[1]))
        self._adam = Adam(self._student.network.parameters)
        self._dataset = Dataset()
        self._done = self._steps = 0
        self._seconds = 0.0
        self._history: dict[str, list[Any]] = {}

    def run(self, folder: Path, progress_bar: bool) -> None:
        """Trains, and writes the best policy after every round.

        Writes into the folder: the policy, ``evaluations/evaluations.npz`` and, until the last
        round is done, what the training goes on from.

        Args:
            folder: The run's folder.
            progress_bar: True to show a progress bar.

        Raises:
            InputError: The folder holds a checkpoint that is damaged.
        """
        self._resume(folder)
        with Progress(console=Console(stderr=True), disable=not progress_bar) as bar:
            task = bar.add_task("rounds", total=self._plan.rounds, completed=self._done)
            while self._done < self._plan.rounds:
                began_s = time.monotonic()
                lessons = self._lessons()
                for part in lessons:
                    self._dataset.add(part)
                self._fit()
                judged = self._judged(self._student)
                self._seconds += time.monotonic() - began_s
                self._done += 1
                self._keep(folder, lessons, judged)
                reliable = 100.0 * judged.reliable_accuracy.mean()
                bar.update(task, completed=self._done, description=f"{reliable:.2f} % reliable")
        self._set_margin(folder)
        shutil.rmtree(folder / CHECKPOINT / "lessons", ignore_errors=True)

    def _flights(self) -> Iterator[Flight]:
        """Flights of the next round."""
        plan = self._plan
        first = self._done * plan.flights
        for number in range(first, first + plan.flights):
            seed = self._first_seed + number * plan.units
            yield self._distribution.flight(seed, plan.units, _is_warm(number))

    def _lessons(self) -> list[Lessons]:
        student = self._student if self._done > 0 else None
        rng = np.random.default_rng((self._seed, self._done, 0))
        lessons = []
        for flight in self._flights():
            shown, outcome = teach(flight, student, self._teacher, self._plan.kept, rng)
            lessons.append(shown)
            self._steps += int(outcome.steps.sum())
        return lessons

    def _fit(self) -> None:
        plan = self._plan
        step = np.arange(self._done * plan.fits, (self._done + 1) * plan.fits)
        course = 0.5 * (1.0 + np.cos(np.pi * step / (plan.rounds * plan.fits)))
        rates = plan.learning_rate * (0.05 + 0.95 * course)
        rng = np.random.default_rng((self._seed, self._done, 1))
        weigh = self._done >= plan.imitated_rounds
        fit_rungs(self._student, self._adam, self._dataset, rates, plan.batch, weigh, rng)

    def _judged(self, student: RungNetwork, margin_c: float = 0.0) -> FlightOutcome:
        """What a student reaches on the flights that judge, with a margin below T_max."""
        distribution = replace(self._distribution, margin_c=margin_c)
        flights = judging_flights(distribution, self._plan, self._judged_seed)
        outcomes = [fly(flight, student, None) for flight in flights]
        parts = zip(*(vars(outcome).values() for outcome in outcomes), strict=True)
        return FlightOutcome(*(np.concatenate(part) for part in parts))

    def _keep(self, folder: Path, lessons: list[Lessons], judged: FlightOutcome) -> None:
        """Writes evaluations, the policy if it is the best so far, and a checkpoint."""
        row = {
            "timesteps": self._steps,
            "results": judged.reliable_accuracy,
            "ep_lengths": judged.steps,
            "above_t_max_share": judged.above_t_max_share,
        }
        for name, value in row.items():
            self._history.setdefault(name, []).append(value)
        scores = [float(each.mean()) for each in self._history["results"]]
        if scores[-1] > max(scores[:-1], default=-1.0):
            write(self._policy(judged), folder, self._samples())
        write_arrays(folder / "evaluations" / "evaluations.npz", self._evaluations())
        parts: dict[str, NDArray[Any]] = {}
        for number, part in enumerate(lessons):
            parts |= {f"features_{number}": part.features, f"values_{number}": part.values}
        write_arrays(folder / CHECKPOINT / "lessons" / f"{self._done}.npz", parts, False)
        write_arrays(folder / CHECKPOINT / "state.npz", self._state())

    def _set_margin(self, folder: Path) -> None:
        """Sets the kept policy's margin below T_max: of the best, the safest."""
        policy = load(folder)
        assert isinstance(policy, RungPolicy)
        if MARGINS in policy.card.training:
            return
        outcomes = [self._judged(policy.network, margin_c) for margin_c in MARGINS_C]
        # Episodes of a flight share its scenario: what varies freely is the flight.
        shape = len(MARGINS_C), self._plan.judged_flights, self._plan.judged_units
        flights = np.reshape([outcome.reliable_accuracy for outcome in outcomes], shape).mean(2)
        taken = safest_of_the_best(flights)
        judged = [round(float(mean), 5) for mean in flights.mean(axis=1)]
        told = {f"{margin_c:g}": mean for margin_c, mean in zip(MARGINS_C, judged, strict=True)}
        training = {**policy.card.training, "judged": judged[taken], MARGINS: told}
        card = policy.card.model_copy(update={"margin_c": MARGINS_C[taken], "training": training})
        write(RungPolicy(card, policy.network), folder, self._samples())

    def _samples(self) -> Features:
        """Features on which a policy that is written must act as the one that was trained."""
        return self._dataset.drawn(2_000, np.random.default_rng(0)).features

    def _policy(self, judged: FlightOutcome) -> RungPolicy:
        done = {
            "steps_done": self._steps,
            "rounds_done": self._done,
            "seconds": round(self._seconds, 1),
            "judged": round(float(judged.reliable_accuracy.mean()), 5),
        }
        training = {**self._card["training"], "plan": asdict(self._plan), **done}
        card = Card(**{**self._card, "training": training})
        return RungPolicy(card, RungNetwork(self._student.network.copy()))

    def _evaluations(self) -> dict[str, NDArray[Any]]:
        return {name: np.array(rows) for name, rows in self._history.items()}

    def _state(self) -> dict[str, NDArray[Any]]:
        own = np.array([self._done, self._steps, self._seconds])
        return {
            "own": own,
            **self._student.network.arrays(),
            **self._adam.arrays(),
            **{f"history_{name}": values for name, values in self._evaluations().items()},
        }

    def _resume(self, folder: Path) -> None:
        """Takes up what an earlier run of the same training left."""
        file = folder / CHECKPOINT / "state.npz"
        if not file.is_file():
            return
        try:
            state = read_arrays(file)
            own = state["own"]
            network = self._student.network.arrays()
            for name, parameter in {**network, **self._adam.arrays()}.items():
                parameter[...] = state[name]
            needed = (folder / CHECKPOINT / "lessons").is_dir()
            for number in range(1, int(own[0]) + 1 if needed else 1):
                stored = read_arrays(folder / CHECKPOINT / "lessons" / f"{number}.npz")
                for part in range(len(stored) // 2):
                    features, values = stored[f"features_{part}"], stored[f"values_{part}"]
                    self._dataset.add(Lessons(features, values))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"the checkpoint in {folder} is damaged ({error}): remove {folder / CHECKPOINT} to "
                "begin anew."
            ) from error
        self._done, self._steps, self._seconds = int(own[0]), int(own[1]), float(own[2])
        prefix = "history_"
        self._history = {
            name.removeprefix(prefix): list(values)
            for name, values in state.items()
            if name.startswith(prefix)
        }
