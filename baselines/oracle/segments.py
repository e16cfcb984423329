"""A scenario as the oracle sees it: segments between changes, and the throttling."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.oracle.options import Options, options
from tvfs_gym.envs.boards.twin.arrays import FREQUENCY_GHZ, P, S
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.twin.randomness import image_and_jitters
from tvfs_gym.envs.physics import thermal
from tvfs_gym.envs.randomisation import Key
from tvfs_gym.envs.scenario import Scenario

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """A stretch of an episode between two changes of the scenario.

    Attributes:
        from_s: Its start.
        parameters: The kernel's.
        network: `RcNetwork.modes`, with the fan, if there is one, at its best.
        options: Options for a frame.
    """

    from_s: float
    parameters: Array
    network: Array
    options: Options

    @property
    def resistance_k_w(self) -> float:
        """Steady rise of the die per watt."""
        return float(self.network[:, thermal.RESISTANCE].sum())

    @cached_property
    def conditions(self) -> bytes:
        """The same in segments that differ in their start only."""
        return self.parameters.tobytes() + self.network.tobytes()

    @property
    def fastest_1_s(self) -> float:
        """The highest of the network's rates: the die's own."""
        return float(self.network[:, thermal.RATE].max())

    @property
    def shares(self) -> Array:
        """The nodes' steady rises relative to the die's, shape (nodes,)."""
        size = len(self.network)
        rises_k_w = (
            self.network[:, thermal.NODE_FROM_MODES :][:, :size]
            @ self.network[:, thermal.RESISTANCE]
        )
        return np.asarray(rises_k_w / rises_k_w[0])

    @property
    def coolest_c(self) -> float:
        """Lower bound of all node temperatures after the start."""
        return float(self.parameters[P.AMBIENT_C])

    @property
    def leakage(self) -> tuple[float, float, float]:
        """C1, C2 and the gate current of `tvfs_gym.envs.physics.power.leakage_power_w`."""
        c1, c2, gate = self.parameters[P.LEAKAGE_C1_A_K2 : P.LEAKAGE_GATE_A + 1]
        return float(c1), float(c2), float(gate)

    def propagation(self, duration_s: float) -> tuple[Array, Array, Array]:
        """How node temperatures change in a time: x -> A x + b + c P.

        Returns:
            A, shape (nodes, nodes); b, what the ambient adds; c, what a watt adds.
        """
        size = len(self.network)
        nodes_from_modes = self.network[:, thermal.NODE_FROM_MODES :][:, :size]
        modes_from_nodes = self.network[:, thermal.NODE_FROM_MODES + size :]
        kept = np.exp(-self.network[:, thermal.RATE] * duration_s)
        settled = nodes_from_modes * (1.0 - kept)
        return (
            nodes_from_modes * kept @ modes_from_nodes,
            settled @ self.network[:, thermal.AMBIENT_SHARE] * self.parameters[P.AMBIENT_C],
            settled @ self.network[:, thermal.RESISTANCE],
        )


class Caps(NamedTuple):
    """The throttling as a ladder of cap states: crossed thresholds, each with a cap of the clock.

    Attributes:
        up_c: A cap state is reached at or above its temperature, shape (cap states,), ascending.
        down_c: It is left below this one, same shape, ascending.
        level: Highest VF level in each cap state from 0 on; -1 where the board is off.
    """

    up_c: Array
    down_c: Array
    level: NDArray[np.int64]


def caps(board: TwinBoard, strict: bool = False) -> Caps:
    """The throttling of a board that was reset: never stricter than the real one, or never milder.

    The trip of a kernel, once crossed, caps the clock at least at its lowest state (and at one
    below the highest) and at most at its highest, as the governor steps from one to the other;
    a kernel that ignores the hysteresis keeps the cap at least as long as the reading is at the
    trip. The firmware's law is a cap state for every VF level. Above the critical temperature the
    board is off.

    The governor acts on readings: the sensor's bias shifts every threshold. Where they lag or are
    noisy, the die's temperature does not tell what the governor does; then no cap state caps the
    clock, or all do as if the readings were true.

    Args:
        board: The board.
        strict: True if a trip caps at its highest state.
    """
    parameters = board.arrays.parameters
    resolution_c, bias_c = parameters[P.SENSOR_RESOLUTION_C], parameters[P.SENSOR_BIAS_C]
    untold = blurred(parameters) and not strict
    highest = len(board.levels) - 1
    cap_states = []
    for trip_c, hysteresis_c, lower, upper in board.arrays.trips[: int(parameters[P.CPU_TRIPS])]:
        release_c = trip_c - (hysteresis_c if parameters[P.HONOURS_HYSTERESIS] else 0.0)
        state = upper if strict else min(max(lower, 1.0), upper)
        cap_states.append(
            (_read(trip_c, resolution_c), _read(release_c, resolution_c), highest - int(state))
        )
    from_c = parameters[P.PROGRESSIVE_FROM_C]
    if np.isfinite(from_c):
        clocks_ghz = board.levels[:, FREQUENCY_GHZ]
        per_c = parameters[P.PROGRESSIVE_GHZ_PER_C]
        for level in range(highest):
            above_c = from_c + (clocks_ghz[highest] - clocks_ghz[level + 1]) / per_c
            threshold_c = _read(np.nextafter(above_c, np.inf), resolution_c)
            cap_states.append((threshold_c, threshold_c, level))
    cap_states = [
        (up_c - bias_c, down_c - bias_c, highest if untold else level)
        for up_c, down_c, level in cap_states
    ]
    cap_states.append((parameters[P.CRITICAL_C], -np.inf, -1))
    up_c, down_c, levels = np.array(sorted(cap_states)).T
    capped = np.minimum.accumulate(np.concatenate([[highest], levels])).astype(np.int64)
    return Caps(up_c.copy(), np.maximum.accumulate(down_c), capped)


def blurred(parameters: Array) -> bool:
    """True if a reading does not tell the present temperature: it lags or is noisy."""
    return bool(parameters[P.SENSOR_LAG_S] > 0.0 or parameters[P.SENSOR_NOISE_C] > 0.0)


def _read(at_least_c: float, resolution_c: float) -> float:
    """The lowest temperature that a sensor reads as at least so much."""
    return (np.ceil(at_least_c / resolution_c) - 0.5) * resolution_c


def photographs(board: TwinBoard, frames: int, key: Key) -> Array:
    """How many frames of an episode show each of the board's photographs, shape (images,)."""
    images = board.outcomes.shape[1]
    shown = [image_and_jitters(*key, frame, images)[0] for frame in range(frames)]
    return np.bincount(shown, minlength=images).astype(np.float64)


def segments_of(board: TwinBoard, scenario: Scenario, key: Key | None = None) -> list[Segment]:
    """Resets a board to a scenario, and lists its segments, in order of time.

    Args:
        board: The twin.
        scenario: With all that it has in store.
        key: The episode's random stream: the options are worth what they are on its photographs;
            None for all of the board's.
    """
    shown = None if key is None else photographs(board, scenario.frames, key)
    board.reset(scenario, (0, 0))
    arrays = board.arrays_of(board.own.copy())
    most = min(scenario.max_passes, board.views)
    segments: list[Segment] = []
    known: dict[bytes, Options] = {}
    for from_s in sorted({0.0, *(change.at_s for change in scenario.changes)}):
        arrays.state[S.TIME_S] = from_s
        board.follow(scenario, arrays)
        networks = arrays.networks.copy().reshape(-1, len(arrays.modes), arrays.networks.shape[1])
        network = min(networks, key=lambda network: network[:, thermal.RESISTANCE].sum())
        anywhere = arrays.parameters.copy()
        anywhere[P.AMBIENT_C] = 0.0
        key_of_options = anywhere.tobytes()
        if key_of_options not in known:
            known[key_of_options] = options(board, anywhere, most, shown)
        segments.append(
            Segment(from_s, arrays.parameters.copy(), network.copy(), known[key_of_options])
        )
    return segments
