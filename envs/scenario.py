"""Scenarios: the conditions of an episode, which no controller chooses."""

from math import inf
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator

from tvfs_gym.envs.errors import invalid
from tvfs_gym.envs.governors import Governors
from tvfs_gym.envs.inference.adaptta import TAU, checked_tau
from tvfs_gym.envs.inference.augmentation import views_of
from tvfs_gym.envs.limits import MOST_FRAMES
from tvfs_gym.envs.tables import Table

LONGEST_CONSTRAINT_S = 10.0
"""Longest L_c that can be meant, s: more was given in ms."""

MOST_LOAD = 0.95
"""Background load beyond which the board has no time left worth speaking of."""


SHORTEST_S = 1e-6
"""Shortest latency constraint that can be meant, s."""

HIGHEST_C = 300.0
"""Highest temperature that can be meant, degC."""

MOST_CHANGES = 10_000


def _in_seconds(constraint_s: float) -> float:
    if constraint_s > LONGEST_CONSTRAINT_S:
        raise ValueError(
            f"L_c is at most {LONGEST_CONSTRAINT_S:g} s, not {constraint_s:g} s: 75 ms are 0.075 s."
        )
    return constraint_s


Constraint = Annotated[float, AfterValidator(_in_seconds)]
"""A latency constraint, s."""


class Change(Table):
    """Conditions that change during the episode; what is None stays as it is.

    Attributes:
        at_s: Time since the episode's start from which the change holds, s; it takes effect at
            the first step that begins then or later.
        ambient_c: New ambient temperature, degC.
        cooling: New cooling.
        latency_constraint_s: New latency constraint, s.
        background_load: New background load.
    """

    at_s: float = Field(gt=0, le=1e9)
    ambient_c: float | None = Field(default=None, ge=-40, le=100)
    cooling: str | None = None
    latency_constraint_s: Constraint | None = Field(default=None, ge=SHORTEST_S)
    background_load: float | None = Field(default=None, ge=0, le=MOST_LOAD)


class Unit(Table):
    """How one unit of a board differs from its profile: factors.

    Attributes:
        resistance: On every thermal resistance.
        capacitance: On every thermal capacitance.
        switching: On the switching capacitances, i.e. dynamic power.
        leakage: On the leakage.
        latency: On the latency of every pass.
    """

    resistance: float = Field(default=1.0, ge=1e-3, le=1e3)
    capacitance: float = Field(default=1.0, ge=1e-3, le=1e3)
    switching: float = Field(default=1.0, ge=1e-3, le=1e3)
    leakage: float = Field(default=1.0, ge=0, le=1e3)
    latency: float = Field(default=1.0, ge=1e-3, le=1e3)


class Sensing(Table):
    """How the temperature sensor at hand differs from the profile's; nobody is told.

    Every reading goes through it, the kernel's as well as the controller's:
    round(T(t - lag_s) + bias_c + noise). The die's true temperature T still decides which frames
    are reliable, the costs and when the board shuts down.

    Attributes:
        lag_s: Age of what is read, s: a pure delay. Between the looks of the kernel's governor the
            die's course counts as straight.
        bias_c: Added to every reading, K.
        noise_c: Standard deviation of Gaussian noise on every reading, K. A look at the same frame,
            or poll of the kernel of the same number, has the same noise under every controller.
        resolution_c: Step to which readings are rounded, K; None for the profile's.
    """

    lag_s: float = Field(default=0.0, ge=0, le=5)
    bias_c: float = Field(default=0.0, ge=-20, le=20)
    noise_c: float = Field(default=0.0, ge=0, le=10)
    resolution_c: float | None = Field(default=None, gt=0, le=20)


class Scenario(Table):
    """The conditions of an episode.

    Attributes:
        ambient_c: Ambient temperature, degC.
        latency_constraint_s: L_c: a frame answered later is late, s.
        t_max_c: On-chip temperature that must not be exceeded, degC.
        start_temperature_c: Temperature of all nodes at the start, degC; None for a board that
            has idled at its slowest VF level until its temperature settled.
        background_load: Share of the CPU's time that other work takes; it stretches every pass by
            1 / (1 - load).
        cooling: One of the board profile's coolings; None for its first.
        throttling: One of the board profile's throttling presets; None for its first.
        governors: The governors of the kernel, which a twin runs at their own rate.
        unit: How the unit at hand differs from the board profile.
        sensing: How its temperature sensor does.
        arrival_period_s: A frame arrives that often, and its latency counts from then; 0 for back
            to back.
        policy: AdapTTA's augmentation policy; it bounds the passes of a frame.
        tau: AdapTTA's confidence threshold.
        deadline_aware: Never start a pass that would end after L_c.
        frames: Frames of an episode.
        changes: Changes during the episode, in order of time.
    """

    ambient_c: float = Field(default=25.0, ge=-40, le=100)
    latency_constraint_s: Constraint = Field(default=0.075, ge=SHORTEST_S)
    t_max_c: float = Field(default=85.0, ge=-40, le=HIGHEST_C)
    start_temperature_c: float | None = Field(default=None, ge=-40, le=HIGHEST_C)
    background_load: float = Field(default=0.0, ge=0, le=MOST_LOAD)
    cooling: str | None = None
    throttling: str | None = None
    governors: Governors = Governors()
    unit: Unit = Unit()
    sensing: Sensing = Sensing()
    arrival_period_s: float = Field(default=0.0, ge=0, le=3600)
    policy: str = "10C"
    tau: Annotated[float, AfterValidator(checked_tau)] = Field(default=TAU, allow_inf_nan=True)
    deadline_aware: bool = True
    frames: int = Field(default=2000, gt=0, le=MOST_FRAMES)
    changes: tuple[Change, ...] = Field(default=(), max_length=MOST_CHANGES)

    @model_validator(mode="after")
    def _possible(self) -> "Scenario":
        views_of(self.policy)
        ambients = [self.ambient_c, *(c.ambient_c for c in self.changes if c.ambient_c is not None)]
        if self.t_max_c <= max(ambients):
            raise ValueError(
                f"t_max_c = {self.t_max_c} must lie above ambient_c = {max(ambients)}: "
                "no controller can cool a board below its surroundings."
            )
        if self.start_temperature_c is not None and self.start_temperature_c < self.ambient_c:
            raise ValueError(
                f"start_temperature_c = {self.start_temperature_c} lies below ambient_c = "
                f"{self.ambient_c}."
            )
        times = [change.at_s for change in self.changes]
        if times != sorted(times):
            raise ValueError("changes must stand in order of at_s.")
        return self

    @property
    def deadline_s(self) -> float:
        """The deadline that AdapTTA knows of: L_c if it is aware of it, else infinity."""
        return self.latency_constraint_s if self.deadline_aware else inf

    @property
    def max_passes(self) -> int:
        """The most passes that the policy allows."""
        return views_of(self.policy)

    def with_values(self, values: dict[str, Any]) -> "Scenario":
        """The same scenario with some values replaced.

        Raises:
            InputError: A key is unknown or the result is impossible.
        """
        return scenario_of({**self.model_dump(), **values})

    def changes_by(self, time_s: float) -> int:
        """How many of the changes hold at a time."""
        return sum(change.at_s <= time_s for change in self.changes)

    def at(self, time_s: float) -> "Scenario":
        """The scenario with the changes up to a time taken over."""
        if self.changes_by(time_s) == 0:
            return self
        values: dict[str, Any] = {}
        for change in self.changes:
            if change.at_s <= time_s:
                values |= change.model_dump(exclude={"at_s"}, exclude_none=True)
        return self.model_copy(update=values)


def scenario_of(values: dict[str, Any]) -> Scenario:
    """Builds a scenario from plain values.

    Raises:
        InputError: A key is unknown or the scenario is impossible.
    """
    try:
        return Scenario.model_validate(values)
    except ValidationError as error:
        raise invalid("impossible scenario", error, Scenario) from error


def as_scenario(scenario: Scenario | dict[str, Any] | None) -> Scenario:
    """Makes a scenario from an environment's argument.

    Raises:
        InputError: A key is unknown or the scenario is impossible.
    """
    if scenario is None:
        return Scenario()
    return scenario if isinstance(scenario, Scenario) else scenario_of(scenario)
