"""AdapTTA on the board's own networks, with pass times learnt as it goes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from PIL import Image

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.adaptta import AdapTTA, Prediction
from tvfs_gym.envs.inference.aggregation import Probabilities
from tvfs_gym.envs.inference.augmentation import Codes
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.topology import Family, Topology
from tvfs_gym.envs.inference.transforms import Pixels
from tvfs_gym.envs.scenario import Scenario

GAIN, DEVIATION_GAIN = 1 / 8, 1 / 4
"""Weights of a new sample in mean and mean deviation, as TCP learns round-trip times (RFC 6298)."""

DEVIATIONS = 3.0
"""Mean deviations above the mean that a pass is expected to take at most: 2.4 standard deviations
of a normal distribution, which 99 of 100 passes stay below."""

NOMINAL_PASSES = 7
"""Passes whose median is the nominal latency."""


@dataclass
class PassTime:
    """Time of a pass of one topology at one VF level, s."""

    mean_s: float = 0.0
    deviation_s: float = 0.0

    def learn(self, pass_s: float) -> None:
        """Takes a pass into account."""
        if self.mean_s == 0.0:
            self.mean_s, self.deviation_s = pass_s, pass_s / 2
            return
        self.deviation_s += DEVIATION_GAIN * (abs(pass_s - self.mean_s) - self.deviation_s)
        self.mean_s += GAIN * (pass_s - self.mean_s)

    @property
    def expected_s(self) -> float:
        """Expected upper end of the next pass; 0 before the first."""
        return self.mean_s + DEVIATIONS * self.deviation_s


class WatchedClassifier:
    """A network whose passes are timed, and after each of which somebody looks at the board.

    Attributes:
        pass_time: Time of its passes at the present VF level.
    """

    def __init__(self, classifier: TfliteClassifier, watch: Callable[[], None]) -> None:
        self._classifier = classifier
        self._watch = watch
        self.pass_time = PassTime()

    @property
    def topology(self) -> Topology:
        """The network's."""
        return self._classifier.topology

    def encode(self, pixels: Pixels) -> Codes:
        """See `TfliteClassifier.encode`."""
        return self._classifier.encode(pixels)

    def run(self, codes: Codes) -> Probabilities:
        """See `TfliteClassifier.run`."""
        before_s = perf_counter()
        output = self._classifier.run(codes)
        self.pass_time.learn(perf_counter() - before_s)
        self._watch()
        return output


class LiveInference:
    """The networks of a family, all resident, and AdapTTA over them.

    Args:
        family: The topologies.
        models: The folder of their files; None for where the family keeps them.
        threads: CPU threads of a pass.
        watch: Called after each pass.

    Raises:
        InputError: A file is missing, or does not fit its topology.
    """

    def __init__(
        self, family: Family, models: Path | None, threads: int, watch: Callable[[], None]
    ) -> None:
        folder = models or family.models
        if folder is None:
            raise InputError(
                f"the networks of the family {family.name} are not shipped: give models= the "
                f"folder that tvfs-gym models fetch has filled."
            )
        self._networks = [
            WatchedClassifier(TfliteClassifier(topology, folder, threads), watch)
            for topology in family.topologies
        ]
        self._pass_times: dict[tuple[int, int], PassTime] = {}
        self._classifiers: dict[tuple[int, int], AdapTTA] = {}
        self._scenario = Scenario()
        for network in self._networks:  # the first pass of a network allocates
            self._time_passes(network, 1)

    def follow(self, scenario: Scenario) -> None:
        """Adopts a scenario's policy, threshold and deadline."""
        if scenario != self._scenario:
            self._classifiers.clear()
            self._scenario = scenario

    def answer(
        self, image: Image.Image, topology: int, vf_level: int, passes: int, waited_s: float
    ) -> Prediction:
        """Answers one frame.

        Args:
            image: The frame.
            topology: Index in the family.
            vf_level: At which it is expected to run.
            passes: The most passes that it may take.
            waited_s: How much of its deadline has passed.
        """
        network = self._networks[topology]
        network.pass_time = self._pass_times.setdefault((topology, vf_level), PassTime())
        return self._adaptta(topology, passes).predict(
            image, waited_s=waited_s, expected_pass_s=network.pass_time.expected_s
        )

    def _adaptta(self, topology: int, passes: int) -> AdapTTA:
        classifier = self._classifiers.get((topology, passes))
        if classifier is None:
            scenario = self._scenario
            classifier = self._classifiers[topology, passes] = AdapTTA(
                self._networks[topology],
                scenario.policy,
                tau=scenario.tau,
                max_passes=passes,
                deadline_s=scenario.latency_constraint_s if scenario.deadline_aware else None,
            )
        return classifier

    def nominal_latency_s(self, topology: int) -> float:
        """Median latency of a single pass of a topology, now."""
        return self._time_passes(self._networks[topology], NOMINAL_PASSES)

    @staticmethod
    def _time_passes(network: WatchedClassifier, count: int) -> float:
        px = network.topology.input_px
        image = Image.new("RGB", (px, px))
        single = AdapTTA(network, "1C")
        return median(single.predict(image).latency_s for _ in range(count))
