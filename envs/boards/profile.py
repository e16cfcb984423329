"""Board profiles: what is known of a board, each section with its source."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from tvfs_gym.envs.boards.drawn import drawn_values, is_drawn
from tvfs_gym.envs.boards.variation import variation_of
from tvfs_gym.envs.errors import unknown
from tvfs_gym.envs.physics.power import dynamic_power_w, leakage_power_w
from tvfs_gym.envs.physics.thermal import RcNetwork, Vector
from tvfs_gym.envs.tables import Name, Table, read_toml

PROFILES = files("tvfs_gym.envs.boards") / "profiles"

COLDEST_C, HOTTEST_C = -60.0, 250.0
"""Temperatures that a chip can have, degC; beyond these, a value is in other units."""

MOST_LEVELS, MOST_TRIPS, MOST_NODES = 256, 64, 8
"""Lengths of what real boards have a tenth of."""

Resistance = Annotated[float, Field(ge=1e-3, le=1e4)]
"""Of a thermal path, K/W: from a metal block to a chip in vacuum."""

Capacitance = Annotated[float, Field(ge=1e-4, le=1e6)]
"""Of a thermal node, J/K: from a crumb of silicon to a ton of steel."""


class OperatingPoint(Table):
    """A VF level.

    Most real boards do not tell their voltages, and some not even their clock: `LinuxBoard` makes
    points that hold NaN there. A profile may not.
    """

    frequency_hz: float = Field(ge=1e6, le=1e11)
    voltage_v: float = Field(ge=0.1, le=10)


def relative_v2f(operating_points: Sequence[OperatingPoint]) -> NDArray[np.float64]:
    """V^2 f of every VF level, relative to that of the highest; NaN without voltages."""
    v2f = np.array([point.voltage_v**2 * point.frequency_hz for point in operating_points])
    return v2f / v2f[-1]


class Power(Table):
    """Switching power: see `tvfs_gym.envs.physics.power.dynamic_power_w`.

    Attributes:
        source: Where the numbers come from.
        cluster_nf: Capacitance that switches whenever the cluster is clocked.
        thread_nf: Capacitance that a busy thread adds.
        rest_w: Power of the rest of the chip.
        little_w: Power of its LITTLE cores at full load, for traces in which they work.
        activities: Switching activity of workloads in traces relative to that of inference.
    """

    source: str
    cluster_nf: float = Field(ge=0, le=1000)
    thread_nf: float = Field(ge=1e-6, le=1000)
    rest_w: float = Field(ge=0, le=1000)
    little_w: float = Field(default=0.0, ge=0, le=1000)
    activities: dict[Name, Annotated[float, Field(ge=0, le=100)]] = Field(default={})

    def switching_w(
        self, frequency_ghz: float, voltage_v: float, threads: float, activity: float = 1.0
    ) -> float:
        """Switching power of the cluster at a clock and supply, without the rest of the chip."""
        capacitances_nf = self.cluster_nf, self.thread_nf
        return dynamic_power_w(frequency_ghz, voltage_v, threads, activity, *capacitances_nf)


class Leakage(Table):
    """Leakage: see `tvfs_gym.envs.physics.power.leakage_power_w`."""

    source: str
    c1_a_k2: float = Field(ge=0, le=1e3)
    c2_k: float = Field(ge=0, le=1e5)
    gate_a: float = Field(ge=0, le=1e3)


class Latency(Table):
    """Latency of a pass of MobileNetV1 1.0 224, and the cost of a change of VF level."""

    source: str
    clock_gcycles: float = Field(ge=1e-6, le=1e3)
    memory_s: float = Field(ge=0, le=100)
    jitter_log_sigma: float = Field(ge=0, le=2)
    switch_s: float = Field(ge=0, le=10)


class Sensor(Table):
    """The on-chip temperature sensor, and whether the board measures power."""

    source: str
    resolution_c: float = Field(ge=1e-4, le=20)
    measures_power: bool


class Trip(Table):
    """A trip of the throttling governor.

    Attributes:
        temperature_c: Where it lies, degC; None for the scenario's T_max.
        hysteresis_c: How far below it is left again, degC.
        lower: Lowest cooling state: VF levels below the highest, or states of the fan.
        upper: Highest cooling state.
        hot: True for a trip of the type hot, which the kernel's thermal governors pass over; a
            false one is passive.
    """

    temperature_c: float | None = Field(default=None, ge=COLDEST_C, le=HOTTEST_C)
    hysteresis_c: float = Field(ge=0, le=100)
    lower: int = Field(ge=0, le=MOST_LEVELS)
    upper: int = Field(ge=0, le=MOST_LEVELS)
    hot: bool = False

    def at_c(self, t_max_c: float) -> float:
        """The temperature of the trip under a T_max, degC."""
        return t_max_c if self.temperature_c is None else self.temperature_c


class Fan(Table):
    """A fan that the throttling governor drives.

    Attributes:
        trips: In states of the fan, 0 being off.
        outer_resistances_k_w: The network's last resistance in each state, off first, K/W.
    """

    trips: tuple[Trip, ...] = Field(min_length=1, max_length=MOST_TRIPS)
    outer_resistances_k_w: tuple[Resistance, ...] = Field(min_length=2, max_length=MOST_LEVELS)

    @model_validator(mode="after")
    def _states_exist(self) -> "Fan":
        highest = len(self.outer_resistances_k_w) - 1
        for trip in self.trips:
            if not trip.lower <= trip.upper <= highest:
                raise ValueError(
                    f"fan: states {trip.lower}..{trip.upper} must ascend within 0..{highest}"
                )
            if trip.temperature_c is None:
                raise ValueError("fan: every trip needs a temperature_c")
        return self


class Cooling(Table):
    """An RC network: see `tvfs_gym.envs.physics.thermal.RcNetwork`; its fan, if any, starts off.

    Attributes:
        source: Where the numbers come from.
        resistances_k_w: From the die outwards, K/W.
        capacitances_j_k: From the die outwards, J/K.
        resistance_log_se: Relative standard error of the total resistance, if it was fitted.
        capacitance_log_se: Relative standard error of the capacitances, if they were fitted.
        fan: Its fan, if the governor drives one.
        measured_on: Related board that it was measured on; None for this one.
    """

    source: str
    resistances_k_w: tuple[Resistance, ...] = Field(min_length=1, max_length=MOST_NODES)
    capacitances_j_k: tuple[Capacitance, ...] = Field(min_length=1, max_length=MOST_NODES)
    resistance_log_se: float = Field(default=0.0, ge=0, le=5)
    capacitance_log_se: float = Field(default=0.0, ge=0, le=5)
    fan: Fan | None = None
    measured_on: str | None = None

    @model_validator(mode="after")
    def _ladder(self) -> "Cooling":
        if len(self.resistances_k_w) != len(self.capacitances_j_k):
            raise ValueError("resistances_k_w and capacitances_j_k must be of the same length")
        if self.fan is not None and self.fan.outer_resistances_k_w[0] != self.resistances_k_w[-1]:
            raise ValueError(
                "the first of fan.outer_resistances_k_w must be the last of resistances_k_w"
            )
        return self

    @property
    def nodes(self) -> int:
        """Number of thermal nodes."""
        return len(self.resistances_k_w)

    @cached_property
    def networks(self) -> tuple[RcNetwork, ...]:
        """The network in every state of the fan, off first."""
        outer = self.fan.outer_resistances_k_w if self.fan else self.resistances_k_w[-1:]
        return tuple(
            RcNetwork((*self.resistances_k_w[:-1], last), self.capacitances_j_k) for last in outer
        )


class Throttling(Table):
    """A preset of the throttling governor: see `tvfs_gym.envs.physics.throttling`.

    Attributes:
        source: Where it was read.
        poll_s: Time between two looks at the sensor.
        honours_hysteresis: True if the kernel's governor honours the trips' hysteresis.
        trips: Trips of the CPU.
        progressive_from_c: Where the firmware's throttling begins; None if it has none.
        progressive_hz_per_c: How much clock a degree costs then.
    """

    source: str
    poll_s: float = Field(ge=1e-3, le=3600)
    honours_hysteresis: bool
    trips: tuple[Trip, ...] = Field(default=(), max_length=MOST_TRIPS)
    progressive_from_c: float | None = Field(default=None, ge=COLDEST_C, le=HOTTEST_C)
    progressive_hz_per_c: float = Field(default=0.0, ge=0, le=1e11)


class Spread(Table):
    """How units of a board and their surroundings differ: see `tvfs_gym.envs.randomisation`.

    Attributes:
        source: Where the numbers come from.
        resistance: Sigma of the logarithm of the factor on all thermal resistances.
        capacitance: Sigma of the logarithm of the factor on the thermal capacitances.
        switching: Sigma of the logarithm of the factor on the switching capacitances.
        leakage: Sigma of the logarithm of the factor on the leakage.
        latency: Sigma of the logarithm of the factor on the latency.
        ambient_low_c: Coolest room, degC.
        ambient_high_c: Warmest room, degC.
    """

    source: str
    resistance: float = Field(ge=0, le=2)
    capacitance: float = Field(ge=0, le=2)
    switching: float = Field(ge=0, le=2)
    leakage: float = Field(ge=0, le=2)
    latency: float = Field(ge=0, le=2)
    ambient_low_c: float = Field(ge=-40, le=100)
    ambient_high_c: float = Field(ge=-40, le=100)

    @model_validator(mode="after")
    def _a_range(self) -> "Spread":
        if self.ambient_low_c > self.ambient_high_c:
            raise ValueError(
                f"ambient_low_c = {self.ambient_low_c} must not exceed ambient_high_c = "
                f"{self.ambient_high_c}"
            )
        return self


class BoardProfile(Table):
    """A board.

    Attributes:
        name: Its name in results.
        environment_id: Id of its twin's Gymnasium environment; None for a profile that does not
            ship, whose twin is made by `tvfs_gym/Twin-v1`.
        description: One line about it.
        threads: Threads of a pass, one per core.
        critical_c: Temperature at which the board shuts itself down, degC.
        operating_points_source: Where the VF levels were read.
        operating_points: VF levels, slowest first.
        power: Power of the cluster that runs the inference, and of the rest of the chip.
        leakage: Leakage of the same cluster.
        latency: Latency of the reference network.
        sensor: On-chip temperature.
        cooling: Thermal networks by name, the usual one first.
        throttling: Presets by name, the default first.
        spread: How its units differ; None if that is not known.
    """

    name: Name
    environment_id: str | None = None
    description: str
    threads: int = Field(gt=0, le=1024)
    critical_c: float = Field(ge=COLDEST_C, le=HOTTEST_C)
    operating_points_source: str
    operating_points: tuple[OperatingPoint, ...] = Field(min_length=1, max_length=MOST_LEVELS)
    power: Power
    leakage: Leakage
    latency: Latency
    sensor: Sensor
    cooling: dict[Name, Cooling] = Field(min_length=1)
    throttling: dict[Name, Throttling] = Field(min_length=1)
    spread: Spread | None = None

    @field_validator("operating_points")
    @classmethod
    def _slowest_first(cls, points: tuple[OperatingPoint, ...]) -> tuple[OperatingPoint, ...]:
        frequencies = [point.frequency_hz for point in points]
        if any(b <= a for a, b in pairwise(frequencies)):
            raise ValueError("operating points must stand in ascending order of frequency_hz")
        return points

    @model_validator(mode="after")
    def _states_exist(self) -> "BoardProfile":
        highest = len(self.operating_points) - 1
        for name, preset in self.throttling.items():
            for trip in preset.trips:
                if not trip.lower <= trip.upper <= highest:
                    raise ValueError(
                        f"throttling.{name}: cooling states {trip.lower}..{trip.upper} must "
                        f"ascend within 0..{highest}"
                    )
        return self

    @property
    def full_load_w(self) -> float:
        """Switching power that all threads add at the highest VF level."""
        return self.switching_w(-1, self.threads) - self.switching_w(-1, 0.0)

    def switching_w(self, level: int, threads: float, activity: float = 1.0) -> float:
        """Switching power of the cluster at a VF level, without the rest of the chip."""
        point = self.operating_points[level]
        return self.power.switching_w(
            point.frequency_hz / 1e9, point.voltage_v, float(threads), activity
        )

    @property
    def core_mw(self) -> NDArray[np.int64]:
        """Switching power of a busy core by VF level, with its share of the cluster's, mW.

        The kernel's energy model has no leakage either.
        """
        levels = range(len(self.operating_points))
        of_all_w = [self.switching_w(level, self.threads) for level in levels]
        return np.array([int(1e3 * watts / self.threads) for watts in of_all_w])

    def leakage_w(self, voltage_v: float, temperature_c: float) -> float:
        """Leakage of the cluster at a supply and temperature."""
        constants = self.leakage.c1_a_k2, self.leakage.c2_k, self.leakage.gate_a
        return leakage_power_w(voltage_v, temperature_c, *constants)

    def voltages_v(self, frequency_ghz: Vector) -> Vector:
        """Supplies at some clocks: those of the VF levels, and in between them on a line."""
        clocks_ghz = [point.frequency_hz / 1e9 for point in self.operating_points]
        return np.interp(frequency_ghz, clocks_ghz, [p.voltage_v for p in self.operating_points])

    @property
    def own_coolings(self) -> list[str]:
        """Names of the coolings that are not a related board's, the usual one first."""
        return [name for name, cooling in self.cooling.items() if cooling.measured_on is None]

    def cooling_named(self, name: str | None) -> Cooling:
        """A cooling by name; None for the usual one.

        Raises:
            InputError: The board has no such cooling.
        """
        if name is None:
            return next(iter(self.cooling.values()))
        if name not in self.cooling:
            raise unknown(f"cooling of {self.name}", name, self.cooling)
        return self.cooling[name]

    def throttling_named(self, name: str | None) -> Throttling:
        """A throttling preset by name; None for the default.

        Raises:
            InputError: The board has no such preset.
        """
        if name is None:
            return next(iter(self.throttling.values()))
        if name not in self.throttling:
            raise unknown(f"throttling preset of {self.name}", name, self.throttling)
        return self.throttling[name]


def profile_names() -> tuple[str, ...]:
    """Lists the profiles that ship with the package."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in PROFILES.iterdir()))


@lru_cache
def load_profile(board: str) -> BoardProfile:
    """Loads a profile.

    Args:
        board: A name from `profile_names`, the path of a TOML file, or ``drawn:N`` for the N-th
            board drawn at random (`tvfs_gym.envs.boards.drawn`); behind it, after ``?``, what is to
            differ from it (`tvfs_gym.envs.boards.variation.Variation`), as in
            ``odroid_xu4?latency=1.2&resistance=0.8``.

    Raises:
        InputError: There is no such profile, or it has unknown keys, unsorted operating points or
            other values that fit no board.
    """
    name, _, query = board.partition("?")
    if query:
        return BoardProfile.model_validate(variation_of(query).of(load_profile(name).model_dump()))
    if is_drawn(board):
        return BoardProfile.model_validate(drawn_values(board))
    if board.endswith(".toml"):
        return read_toml(Path(board), BoardProfile)
    if board not in profile_names():
        raise unknown("board", board, profile_names())
    return read_toml(PROFILES / f"{board}.toml", BoardProfile)
