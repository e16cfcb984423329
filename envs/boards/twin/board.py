"""The digital twin: a board profile, a scenario and recorded outcomes, run by the kernel."""

import math

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards import window as summary
from tvfs_gym.envs.boards.board import Configuration, Telemetry, WindowVector
from tvfs_gym.envs.boards.profile import BoardProfile, Throttling
from tvfs_gym.envs.boards.twin import arrays
from tvfs_gym.envs.boards.twin.kernel import draw_frames, run_window
from tvfs_gym.envs.boards.twin.randomness import jitter_table
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.outcomes import outcome_table
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.physics.latency import jitter_factor, pass_latency_s
from tvfs_gym.envs.physics.power import dynamic_power_w, leakage_power_w
from tvfs_gym.envs.physics.thermal import (
    RcNetwork,
    change_network,
    die_temperature_c,
    sensor_reading_c,
)
from tvfs_gym.envs.physics.throttling import NEVER_POLLED_C, NO_TARGET
from tvfs_gym.envs.scenario import Scenario

EXPECTED_QUANTILE = 0.99
"""AdapTTA expects a pass to last no longer than in that share of cases."""

SETTLED_C = 1e-9
"""Change of temperature under which the settled start temperature counts as found."""


class TwinBoard:
    """A simulated board; implements `tvfs_gym.envs.boards.board.Board`.

    Its attributes in lower case from ``state`` to ``jitters`` are the kernel's arrays, see
    `tvfs_gym.envs.boards.twin.kernel.run_window`; the first four belong to the episode.

    Args:
        profile: The board.
        family: The topologies, with their outcomes.
    """

    def __init__(self, profile: BoardProfile, family: Family) -> None:
        self.profile = profile
        self.family = family
        self.operating_points = profile.operating_points
        outcomes = outcome_table(family)
        self.views = outcomes.views
        self.outcomes = np.stack([outcomes.confidence, outcomes.correct.astype(np.float32)], -1)
        self.levels = np.array(
            [(point.frequency_hz / 1e9, point.voltage_v) for point in profile.operating_points]
        )
        self.topologies = np.array([(t.relative_latency, t.activity) for t in family.topologies])
        self.jitters = jitter_table(profile.latency.jitter_log_sigma)
        self._topology_count, self._level_count = len(self.topologies), len(self.levels)
        best = family.topologies[int(outcomes.correct[:, :, 0].mean(axis=1).argmax())]
        self.nominal_latency_s = pass_latency_s(
            self.levels[-1, arrays.FREQUENCY_GHZ],
            best.relative_latency,
            profile.latency.clock_gcycles,
            profile.latency.memory_s,
        )
        self._scenario: Scenario | None = None
        self.reset(Scenario(), (0, 0))

    def reset(self, scenario: Scenario, key: tuple[int, int]) -> Telemetry:
        """Starts a new episode.

        Raises:
            InputError: The scenario names a cooling or throttling preset the board does not have,
                or its T_max or start is not below the critical temperature.
        """
        if scenario is not self._scenario:
            self._lay_out(scenario)
            self._scenario = scenario
        self.state, self.parameters = self._first_state.copy(), self._first_parameters.copy()
        self.networks = self._first_networks
        self.state[arrays.KEY_0], self.state[arrays.KEY_1] = key
        self._changes_followed = 0
        self._energy_read_j = self._time_read_s = 0.0
        return self.telemetry()

    def _lay_out(self, scenario: Scenario) -> None:
        """Works out where episodes of a scenario start; only their keys differ."""
        for name in ("t_max_c", "start_temperature_c"):
            value_c = getattr(scenario, name)
            if value_c is not None and value_c >= self.profile.critical_c:
                raise InputError(
                    f"{name} = {value_c} must lie below the board's critical "
                    f"{self.profile.critical_c} degC."
                )
        self._check_coolings(scenario)
        self.most_passes = min(scenario.max_passes, self.views)
        cooling = self.profile.cooling_named(scenario.cooling)
        self._first_networks = self._networks_of(scenario, scenario.cooling)
        network = cooling.networks[0].scaled(scenario.unit.resistance, scenario.unit.capacitance)
        preset = self.profile.throttling_named(scenario.throttling)
        fan_trips = cooling.fan.trips if cooling.fan else ()
        trips = (*preset.trips, *fan_trips)
        self.trips = np.array(
            [
                (
                    scenario.t_max_c if trip.temperature_c is None else trip.temperature_c,
                    trip.hysteresis_c,
                    trip.lower,
                    trip.upper,
                )
                for trip in trips
            ]
        ).reshape(-1, 4)
        self._first_parameters = self._parameters_of(scenario, preset)
        nodes_c = self._start_nodes_c(scenario, network)
        modes = network.modes_of(nodes_c)
        trip_state = np.tile([NO_TARGET, 0.0], len(trips))
        self._first_state = np.concatenate(
            [np.zeros(arrays.STATE_SIZE), modes, nodes_c, trip_state]
        )
        self._first_state[arrays.POLLED_C] = NEVER_POLLED_C

    def _parameters_of(self, scenario: Scenario, preset: Throttling) -> NDArray[np.float64]:
        profile, unit = self.profile, scenario.unit
        values = {
            arrays.CLUSTER_NF: unit.switching * profile.power.cluster_nf,
            arrays.THREAD_NF: unit.switching * profile.power.thread_nf,
            arrays.THREADS: profile.threads,
            arrays.REST_W: profile.power.rest_w,
            arrays.LEAKAGE_C1_A_K2: unit.leakage * profile.leakage.c1_a_k2,
            arrays.LEAKAGE_C2_K: profile.leakage.c2_k,
            arrays.LEAKAGE_GATE_A: unit.leakage * profile.leakage.gate_a,
            arrays.CLOCK_GCYCLES: unit.latency * profile.latency.clock_gcycles,
            arrays.MEMORY_S: unit.latency * profile.latency.memory_s,
            arrays.EXPECTED_PASS_FACTOR: jitter_factor(
                profile.latency.jitter_log_sigma, EXPECTED_QUANTILE
            ),
            arrays.SWITCH_S: profile.latency.switch_s,
            arrays.SENSOR_RESOLUTION_C: profile.sensor.resolution_c,
            arrays.POLL_S: preset.poll_s,
            arrays.HONOURS_HYSTERESIS: preset.honours_hysteresis,
            arrays.CPU_TRIPS: len(preset.trips),
            arrays.PROGRESSIVE_FROM_C: (
                math.inf if preset.progressive_from_c is None else preset.progressive_from_c
            ),
            arrays.PROGRESSIVE_GHZ_PER_C: preset.progressive_hz_per_c / 1e9,
            arrays.CRITICAL_C: profile.critical_c,
            arrays.T_MAX_C: scenario.t_max_c,
            arrays.TAU: scenario.tau,
            arrays.ARRIVAL_PERIOD_S: scenario.arrival_period_s,
            **self._changeable(scenario),
        }
        return np.array([values[index] for index in range(arrays.PARAMETERS_SIZE)], np.float64)

    @staticmethod
    def _changeable(scenario: Scenario) -> dict[int, float]:
        return {
            arrays.AMBIENT_C: scenario.ambient_c,
            arrays.LATENCY_CONSTRAINT_S: scenario.latency_constraint_s,
            arrays.DEADLINE_S: scenario.deadline_s,
            arrays.SLOWDOWN: 1.0 / (1.0 - scenario.background_load),
        }

    def _check_coolings(self, scenario: Scenario) -> None:
        """Every cooling of an episode must fit the first one's thermal nodes and fan."""
        first = self.profile.cooling_named(scenario.cooling)
        for change in scenario.changes:
            other = self.profile.cooling_named(change.cooling or scenario.cooling)
            if other.nodes != first.nodes or other.fan not in (None, first.fan):
                raise InputError(
                    f"cooling cannot change to '{change.cooling}' in an episode: it has other "
                    f"thermal nodes or another fan than the cooling at the start."
                )

    def _networks_of(self, scenario: Scenario, cooling: str | None) -> NDArray[np.float64]:
        """The unit's network in every state of the fan that the episode began with.

        A cooling without a fan is the same in all of them.
        """
        first = self.profile.cooling_named(scenario.cooling)
        present = self.profile.cooling_named(cooling)
        networks = present.networks if present.fan else present.networks * len(first.networks)
        unit = scenario.unit
        return np.stack([one.scaled(unit.resistance, unit.capacitance).modes for one in networks])

    def _start_nodes_c(self, scenario: Scenario, network: RcNetwork) -> NDArray[np.float64]:
        """Uniform if the scenario says so, else settled after idling at the slowest VF level."""
        if scenario.start_temperature_c is not None:
            return np.full(len(network.resistances_k_w), scenario.start_temperature_c)
        before_c, die_c = -math.inf, scenario.ambient_c
        while abs(die_c - before_c) > SETTLED_C and die_c < self.profile.critical_c:
            power_w = self._idle_power_w(die_c)
            before_c, die_c = die_c, scenario.ambient_c + network.total_resistance_k_w * power_w
        if die_c >= self.profile.critical_c:
            raise InputError(
                f"an idle board would settle at or above its critical {self.profile.critical_c} "
                f"degC in this scenario: give a lower ambient_c, a better cooling or a "
                f"start_temperature_c."
            )
        return network.steady_nodes_c(scenario.ambient_c, power_w)

    def _idle_power_w(self, temperature_c: float) -> float:
        parameters = self._first_parameters
        frequency_ghz, voltage_v = self.levels[0]
        cluster_nf, thread_nf = parameters[arrays.CLUSTER_NF], parameters[arrays.THREAD_NF]
        leakage = parameters[arrays.LEAKAGE_C1_A_K2 : arrays.LEAKAGE_GATE_A + 1]
        return float(
            dynamic_power_w(frequency_ghz, voltage_v, 0, 0.0, cluster_nf, thread_nf)
            + leakage_power_w(voltage_v, temperature_c, *leakage)
            + parameters[arrays.REST_W]
        )

    def apply(self, configuration: Configuration) -> None:
        """Chooses the configuration of the frames to come.

        Raises:
            InputError: The board has no such topology, VF level or number of passes.
        """
        state, wanted = self.state, configuration.max_passes
        if not (
            0 <= configuration.topology < self._topology_count
            and 0 <= configuration.vf_level < self._level_count
            and (wanted is None or wanted >= 1)
        ):
            raise InputError(
                f"{configuration} is not among {self._topology_count} topologies and "
                f"{self._level_count} VF levels, or leaves no pass."
            )
        state[arrays.TOPOLOGY] = configuration.topology
        state[arrays.REQUESTED_LEVEL] = configuration.vf_level
        state[arrays.MAX_PASSES] = min(wanted or self.most_passes, self.most_passes)

    def infer(self, frames: int) -> tuple[WindowVector, NDArray[np.float64]]:
        """Answers the next frames; the arrays returned are the caller's own.

        Raises:
            InputError: The number of frames is not positive.
        """
        if frames < 1:
            raise InputError(f"the number of frames must be at least 1, not {frames}.")
        self.follow_changes()
        draws = np.empty((frames, arrays.DRAWS_SIZE), np.int64)
        draw_frames(self.state, self.outcomes, frames, draws)
        answers = np.empty((frames, summary.FRAME_SIZE))
        window = np.empty(summary.WINDOW_SIZE)
        answered = run_window(
            self.state,
            self.parameters,
            self.networks,
            self.trips,
            self.levels,
            self.topologies,
            self.outcomes,
            self.jitters,
            draws,
            answers,
            window,
        )
        return window, answers if answered == frames else answers[:answered]

    def follow_changes(self) -> bool:
        """Lets the scenario's changes take effect whose time has come; says whether any did."""
        scenario = self._scenario
        if scenario is None or not scenario.changes:
            return False
        passed = scenario.changes_by(self.state[arrays.TIME_S])
        if passed == self._changes_followed:
            return False
        self._changes_followed = passed
        self.networks = self.followed(scenario, self.state, self.parameters, self.networks)
        return True

    def followed(
        self,
        scenario: Scenario,
        state: NDArray[np.float64],
        parameters: NDArray[np.float64],
        networks: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Brings an episode's arrays up to date with the changes whose time has come.

        Args:
            scenario: The episode's.
            state: Its modes are converted if the cooling changes; the node temperatures stay.
            parameters: Updated in place.
            networks: Those before.

        Returns:
            The networks from now on.
        """
        present = scenario.at(state[arrays.TIME_S])
        for index, value in self._changeable(present).items():
            parameters[index] = value
        after = self._networks_of(scenario, present.cooling)
        if not np.array_equal(after, networks):
            modes = state[arrays.STATE_SIZE :][: networks.shape[1]]
            fan_state = int(state[arrays.FAN_STATE])
            change_network(modes, np.empty_like(modes), networks[fan_state], after[fan_state])
        return after

    @property
    def _modes(self) -> NDArray[np.float64]:
        return self.state[arrays.STATE_SIZE :][: self.networks.shape[1]]

    def telemetry(self) -> Telemetry:
        """Reads the sensors."""
        time_s = float(self.state[arrays.TIME_S])
        clock = int(self.state[arrays.CLOCK_LEVEL])
        energy_j = float(self.state[arrays.ENERGY_J])
        power_w = None
        if self.profile.sensor.measures_power and time_s > self._time_read_s:
            power_w = (energy_j - self._energy_read_j) / (time_s - self._time_read_s)
        self._energy_read_j, self._time_read_s = energy_j, time_s
        return Telemetry(
            time_s=time_s,
            temperature_c=sensor_reading_c(
                die_temperature_c(self._modes), self.profile.sensor.resolution_c
            ),
            frequency_hz=self.operating_points[clock].frequency_hz,
            vf_level=clock,
            cap_level=len(self.operating_points) - 1 - int(self.state[arrays.COOLING_STATE]),
            power_w=power_w,
        )

    def close(self) -> None:
        """Nothing to restore."""
