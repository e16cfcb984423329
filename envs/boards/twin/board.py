"""The digital twin: a board profile, a scenario and recorded outcomes, run by the kernel."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.board import BoardInfo, Configuration, Telemetry
from tvfs_gym.envs.boards.profile import BoardProfile, Throttling, Trip
from tvfs_gym.envs.boards.thermal_map import passive_trips, power_allocator, rows
from tvfs_gym.envs.boards.twin.arrays import (
    DRAW_SIZE,
    DRAWN_FRAMES,
    FREQUENCY_GHZ,
    Array,
    BoardArrays,
    G,
    P,
    S,
    board_of,
)
from tvfs_gym.envs.boards.twin.cpufreq import SAMPLE_S, USERSPACE
from tvfs_gym.envs.boards.twin.governor import cap_level
from tvfs_gym.envs.boards.twin.kernel import infer, leakage_w, switching_w
from tvfs_gym.envs.boards.twin.randomness import jitter_table
from tvfs_gym.envs.boards.twin.sensor import read_sensor
from tvfs_gym.envs.boards.twin.zone import BOARD, POWER_ALLOCATOR
from tvfs_gym.envs.boards.window import F, W, WindowVector
from tvfs_gym.envs.errors import InputError, at_least
from tvfs_gym.envs.governors import CPUFREQ, THERMAL
from tvfs_gym.envs.inference.outcomes import HalfName, outcome_tables
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.jit import interpreted
from tvfs_gym.envs.physics.latency import jitter_factor, pass_latency_s
from tvfs_gym.envs.physics.power_budget import STATE_SIZE, TICK_MS
from tvfs_gym.envs.physics.thermal import (
    RcNetwork,
    change_network,
    die_temperature_c,
)
from tvfs_gym.envs.physics.throttling import NEVER_POLLED_C, NO_TARGET
from tvfs_gym.envs.scenario import Scenario, Sensing

EXPECTED_QUANTILE = 0.99
"""AdapTTA expects a pass to last no longer than in that share of cases."""

SETTLED_C = 1e-9
"""Change of temperature under which the settled start temperature counts as found."""


class TwinBoard:
    """A simulated board; implements `tvfs_gym.envs.boards.board.Board`.

    Attributes:
        own: The episode's buffer, see `tvfs_gym.envs.boards.twin.arrays.Layout`.
        arrays: Views of it.
        shared: Data common to all boards of this profile and family.
        outcomes: Recorded outcomes of the family's photographs that frames show.

    Args:
        profile: The board.
        family: The topologies, with their outcomes.
        photographs: Half of the family's photographs that frames show: ``run``, or ``design`` where
            episodes are part of the design, as in training.

    Raises:
        InputError: There is no such half.
    """

    def __init__(
        self, profile: BoardProfile, family: Family, photographs: HalfName = "run"
    ) -> None:
        self.profile = profile
        self.family = family
        self.operating_points = profile.operating_points
        tables = outcome_tables(family)
        outcomes = tables.named(photographs)
        self.views = outcomes.views
        self.outcomes = np.stack([outcomes.confidence, outcomes.correct.astype(np.float32)], -1)
        self.levels = np.array(
            [(point.frequency_hz / 1e9, point.voltage_v) for point in profile.operating_points]
        )
        self.topologies = np.array(
            [(t.relative_latency, t.activity, t.change_share) for t in family.topologies]
        )
        self.jitters = jitter_table(profile.latency.jitter_log_sigma)
        latency = profile.latency
        self.pass_latency_s = np.array(
            [
                [
                    pass_latency_s(
                        ghz, topology.relative_latency, latency.clock_gcycles, latency.memory_s
                    )
                    for ghz in self.levels[:, FREQUENCY_GHZ].tolist()
                ]
                for topology in family.topologies
            ]
        )
        self.nominal_latency_s = float(self.pass_latency_s[tables.design.most_accurate, -1])
        counts = len(self.levels), len(self.topologies)
        self.shared = np.concatenate(
            [
                counts,
                self.levels.ravel(),
                self.topologies.ravel(),
                profile.core_mw,
                self.jitters,
            ]
        )
        self._no_window = np.empty(len(W))
        self._scenario: Scenario | None = None
        self.reset(Scenario(), (0, 0))

    @property
    def info(self) -> BoardInfo:
        """Identity of the board."""
        return BoardInfo(
            name=self.profile.name,
            description=f"digital twin of {self.profile.description}",
            real=False,
            threads=self.profile.threads,
            measures_power=self.profile.sensor.measures_power,
            critical_c=self.profile.critical_c,
        )

    def reset(self, scenario: Scenario, key: tuple[int, int]) -> Telemetry:
        """Starts a new episode.

        Raises:
            InputError: The scenario names a cooling or throttling preset the board does not have,
                or its T_max or start is not below the critical temperature.
        """
        if scenario is not self._scenario:
            self._first = self._start_of(scenario)
            self._scenario = scenario
        self.own = self._first.copy()
        self.arrays = self.arrays_of(self.own)
        self.arrays.state[S.KEY_0], self.arrays.state[S.KEY_1] = key
        self._changes_followed = 0
        self._energy_read_j = self._time_read_s = 0.0
        return self.telemetry()

    def _start_of(self, scenario: Scenario) -> Array:
        """Makes the buffer with which episodes of a scenario start; only their keys differ."""
        self.check(scenario)
        cooling = self.profile.cooling_named(scenario.cooling)
        networks = self._networks_of(scenario, scenario.cooling)
        preset = self.profile.throttling_named(scenario.throttling)
        fan = cooling.fan.trips if cooling.fan else ()
        trips = rows((*preset.trips, *fan), scenario.t_max_c)
        zone = passive_trips(self.profile, len(self.levels) - 1, scenario.t_max_c)
        parameters = self._parameters_of(scenario, preset)
        parameters[P.MOST_PASSES] = min(scenario.max_passes, self.views)
        parameters[P.MODES], parameters[P.FAN_STATES] = cooling.nodes, len(networks)
        parameters[P.TRIPS], parameters[P.ZONE_TRIPS] = len(trips), len(zone)
        network = cooling.networks[0].scaled(scenario.unit.resistance, scenario.unit.capacitance)
        nodes_c = self._start_nodes_c(scenario, network, parameters)
        state, memory = np.zeros(len(S)), np.zeros(len(G))
        state[S.READY_TOPOLOGY] = -1.0
        state[S.POLLED_C] = memory[G.TICKED_C] = NEVER_POLLED_C
        if parameters[P.THERMAL] == BOARD:
            state[S.NEXT_TICK_S] = math.inf
        if parameters[P.CPUFREQ] == USERSPACE:
            state[S.NEXT_SAMPLE_S], state[S.GOVERNED_LEVEL] = math.inf, len(self.levels) - 1
        else:
            state[S.NEXT_SAMPLE_S] = SAMPLE_S
        trip_state, zone_state = (np.tile([NO_TARGET, 0.0], len(of)) for of in (trips, zone))
        draws = np.zeros(DRAWN_FRAMES * DRAW_SIZE)
        looks = np.tile([0.0, nodes_c[0]], int(parameters[P.LOOKS]))
        modes = network.modes_of(nodes_c)
        budget = self._budget_of(scenario, zone)
        zone_rows = rows(zone, scenario.t_max_c)
        parts = (
            parameters, state, modes, nodes_c, trip_state, networks, trips, draws, looks,
            memory, budget, zone_rows, zone_state,
        )  # fmt: skip
        return np.concatenate([part.ravel() for part in parts])

    def _budget_of(self, scenario: Scenario, zone: tuple[Trip, ...]) -> Array:
        """The power allocator's parameters, and its state at rest."""
        sustainable_w = scenario.governors.sustainable_w
        made = power_allocator(
            self.profile.core_mw, self.profile.threads, zone, scenario.t_max_c, sustainable_w
        )
        return np.concatenate([made, np.zeros(STATE_SIZE)])

    def _parameters_of(self, scenario: Scenario, preset: Throttling) -> NDArray[np.float64]:
        profile, unit, sensing = self.profile, scenario.unit, scenario.sensing
        thermal = THERMAL.index(scenario.governors.thermal)
        tick_s = 1e-3 * TICK_MS if thermal == POWER_ALLOCATOR else preset.poll_s
        values = {
            P.CLUSTER_NF: unit.switching * profile.power.cluster_nf,
            P.THREAD_NF: unit.switching * profile.power.thread_nf,
            P.THREADS: profile.threads,
            P.REST_W: profile.power.rest_w,
            P.LEAKAGE_C1_A_K2: unit.leakage * profile.leakage.c1_a_k2,
            P.LEAKAGE_C2_K: profile.leakage.c2_k,
            P.LEAKAGE_GATE_A: unit.leakage * profile.leakage.gate_a,
            P.CLOCK_GCYCLES: unit.latency * profile.latency.clock_gcycles,
            P.MEMORY_S: unit.latency * profile.latency.memory_s,
            P.EXPECTED_PASS_FACTOR: jitter_factor(
                profile.latency.jitter_log_sigma, EXPECTED_QUANTILE
            ),
            P.SWITCH_S: profile.latency.switch_s,
            P.SENSOR_RESOLUTION_C: sensing.resolution_c or profile.sensor.resolution_c,
            P.SENSOR_OF_ITS_OWN: sensing != Sensing(),
            P.SENSOR_LAG_S: sensing.lag_s,
            P.SENSOR_BIAS_C: sensing.bias_c,
            P.SENSOR_NOISE_C: sensing.noise_c,
            P.LOOKS: _looks_within(sensing.lag_s, {preset.poll_s, tick_s}),
            P.POLL_S: preset.poll_s,
            P.HONOURS_HYSTERESIS: preset.honours_hysteresis,
            P.CPU_TRIPS: len(preset.trips),
            P.PROGRESSIVE_FROM_C: (
                math.inf if preset.progressive_from_c is None else preset.progressive_from_c
            ),
            P.PROGRESSIVE_GHZ_PER_C: preset.progressive_hz_per_c / 1e9,
            P.CRITICAL_C: profile.critical_c,
            P.T_MAX_C: scenario.t_max_c,
            P.TAU: scenario.tau,
            P.CPUFREQ: CPUFREQ.index(scenario.governors.cpufreq),
            P.THERMAL: thermal,
            P.TICK_S: tick_s,
            P.ARRIVAL_PERIOD_S: scenario.arrival_period_s,
            **self._changeable(scenario),
        }
        return np.array([values.get(index, 0.0) for index in range(len(P))], np.float64)

    @staticmethod
    def _changeable(scenario: Scenario) -> dict[int, float]:
        return {
            P.AMBIENT_C: scenario.ambient_c,
            P.LATENCY_CONSTRAINT_S: scenario.latency_constraint_s,
            P.DEADLINE_S: scenario.deadline_s,
            P.SLOWDOWN: 1.0 / (1.0 - scenario.background_load),
        }

    def check(self, scenario: Scenario) -> None:
        """Refuses a scenario that cannot be had on this board.

        Raises:
            InputError: See `reset`.
        """
        check_possible(self.profile, scenario)

    def _networks_of(self, scenario: Scenario, cooling: str | None) -> NDArray[np.float64]:
        """The unit's network in every state of the fan that the episode began with.

        A cooling without a fan is the same in all of them.
        """
        first = self.profile.cooling_named(scenario.cooling)
        present = self.profile.cooling_named(cooling)
        networks = present.networks if present.fan else present.networks * len(first.networks)
        unit = scenario.unit
        return np.stack(
            [network.scaled(unit.resistance, unit.capacitance).modes for network in networks]
        )

    def _start_nodes_c(self, scenario: Scenario, network: RcNetwork, parameters: Array) -> Array:
        """Uniform if the scenario says so, else settled after idling at the slowest VF level."""
        if scenario.start_temperature_c is not None:
            return np.full(len(network.resistances_k_w), scenario.start_temperature_c)
        before_c, die_c = -math.inf, scenario.ambient_c
        while abs(die_c - before_c) > SETTLED_C and die_c < self.profile.critical_c:
            power_w = self._idle_power_w(die_c, parameters)
            before_c, die_c = die_c, scenario.ambient_c + network.total_resistance_k_w * power_w
        if die_c >= self.profile.critical_c:
            raise InputError(
                f"an idle board would settle at or above its critical {self.profile.critical_c} "
                f"degC in this scenario: give a lower ambient_c, a better cooling or a "
                f"start_temperature_c."
            )
        return network.steady_nodes_c(scenario.ambient_c, power_w)

    def _idle_power_w(self, temperature_c: float, parameters: Array) -> float:
        frequency_ghz, voltage_v = self.levels[0]
        dynamic_w = switching_w(parameters, frequency_ghz, voltage_v, 0.0, 0.0)
        leaked_w = leakage_w(parameters, voltage_v, temperature_c)
        return float(dynamic_w + leaked_w + parameters[P.REST_W])

    def apply(self, configuration: Configuration) -> None:
        """Chooses the configuration of the frames to come.

        Raises:
            InputError: The board has no such topology, VF level or number of passes.
        """
        state, wanted = self.arrays.state, configuration.max_passes
        if not (
            0 <= configuration.topology < len(self.topologies)
            and 0 <= configuration.vf_level < len(self.levels)
            and (wanted is None or wanted >= 1)
        ):
            raise InputError(
                f"{configuration} is not among {len(self.topologies)} topologies and "
                f"{len(self.levels)} VF levels, or leaves no pass."
            )
        most = self.arrays.parameters[P.MOST_PASSES]
        state[S.TOPOLOGY] = configuration.topology
        state[S.REQUESTED_LEVEL] = configuration.vf_level
        state[S.MAX_PASSES] = min(wanted or most, most)

    def infer(self, frames: int) -> tuple[WindowVector, NDArray[np.float64]]:
        """Answers the next frames; the arrays returned are the caller's own.

        Raises:
            InputError: The number of frames is not positive.
        """
        at_least("the number of frames", frames, 1)
        answers, window = np.empty((frames, len(F))), np.empty(len(W))
        infer(self.own, self.shared, self.outcomes, answers, window)
        self.follow_changes(window)
        return window, answers

    def follow_changes(self, window: WindowVector) -> bool:
        """Applies the changes whose time has come at the end of a window.

        Args:
            window: Its latency constraint becomes the one that holds from now on.

        Returns:
            True if there were any.
        """
        scenario = self._scenario
        if scenario is None or not scenario.changes:
            return False
        passed = scenario.changes_by(window[W.TIME_S])
        if passed == self._changes_followed:
            return False
        self._changes_followed = passed
        self.follow(scenario, self.arrays)
        window[W.LATENCY_CONSTRAINT_S] = self.arrays.parameters[P.LATENCY_CONSTRAINT_S]
        return True

    def follow(self, scenario: Scenario, arrays: BoardArrays) -> None:
        """Brings a board's arrays up to date with the changes whose time has come.

        Args:
            scenario: The episode's.
            arrays: If the cooling changes, the modes are converted; the node temperatures stay.
        """
        present = scenario.at(arrays.state[S.TIME_S])
        for index, value in self._changeable(present).items():
            arrays.parameters[index] = value
        networks = self._networks_of(scenario, present.cooling)
        rows = networks.reshape(arrays.networks.shape)
        if not np.array_equal(rows, arrays.networks):
            fan_state = int(arrays.state[S.FAN_STATE])
            before = arrays.networks.reshape(networks.shape)[fan_state]
            change_network(arrays.modes, np.empty_like(arrays.modes), before, networks[fan_state])
            arrays.networks[:] = rows

    def arrays_of(self, own: Array) -> BoardArrays:
        """Splits the buffer of any board of this profile and family into views."""
        return interpreted(board_of)(own, self.shared, self.outcomes, self._no_window)

    def telemetry(self) -> Telemetry:
        """Reads the sensors."""
        time_s = float(self.arrays.state[S.TIME_S])
        clock = int(self.arrays.state[S.CLOCK_LEVEL])
        energy_j = float(self.arrays.state[S.ENERGY_J])
        power_w = None
        if self.profile.sensor.measures_power and time_s > self._time_read_s:
            power_w = (energy_j - self._energy_read_j) / (time_s - self._time_read_s)
        self._energy_read_j, self._time_read_s = energy_j, time_s
        return Telemetry(
            time_s=time_s,
            temperature_c=read_sensor(self.arrays, die_temperature_c(self.arrays.modes)),
            frequency_hz=self.operating_points[clock].frequency_hz,
            vf_level=clock,
            cap_level=int(interpreted(cap_level)(self.arrays)),
            power_w=power_w,
        )

    def close(self) -> None:
        """Nothing to restore."""

    def __getstate__(self) -> dict[str, Any]:
        """Leaves the views out: copied, they would be views no longer."""
        return {name: value for name, value in self.__dict__.items() if name != "arrays"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Adds them again."""
        self.__dict__.update(state)
        self.arrays = self.arrays_of(self.own)


def _looks_within(lag_s: float, periods_s: set[float]) -> int:
    """Looks that span a lag at any time between two polls of these periods; none without a lag."""
    return 0 if lag_s == 0.0 else 1 + sum(math.ceil(lag_s / each) + 1 for each in periods_s)


def check_possible(profile: BoardProfile, scenario: Scenario) -> None:
    """Refuses a scenario that cannot be had on a board.

    Raises:
        InputError: See `TwinBoard.reset`.
    """
    profile.throttling_named(scenario.throttling)
    for name in ("t_max_c", "start_temperature_c"):
        value_c = getattr(scenario, name)
        if value_c is not None and value_c >= profile.critical_c:
            raise InputError(
                f"{name} = {value_c} must lie below the board's critical {profile.critical_c} degC."
            )
    first = profile.cooling_named(scenario.cooling)
    for change in scenario.changes:
        other = profile.cooling_named(change.cooling or scenario.cooling)
        if other.nodes != first.nodes or other.fan not in (None, first.fan):
            raise InputError(
                f"cooling cannot change to '{change.cooling}' in an episode: it has other "
                f"thermal nodes or another fan than the cooling at the start."
            )
