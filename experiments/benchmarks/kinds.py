"""The kinds of conditions of suite v2: boards, rooms, courses of load and deadline, sensors.

Courses of load and deadline are of other shapes here than those of `tvfs_gym.envs.conditions`, on
which policies are trained and guards are tuned: bursts of exponential lengths, alternations of
random lengths, staircases.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tvfs_gym.envs.boards.profile import BoardProfile, load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, load_family
from tvfs_gym.envs.lengths import EPISODE_S
from tvfs_gym.envs.scenario import Scenario

GRID = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 12.0)
"""L_c relative to the board's nominal latency: steps of about the root of 2."""

T_MAX_C = {
    "odroid_c2": 80.0,
    "odroid_xu4": 85.0,
    "raspberry_pi_3b": 80.0,
    "raspberry_pi_4b": 80.0,
}
"""T_max: the last passive trip of mainline's device tree (Odroids), or where the firmware begins to
throttle (Raspberry Pis); sources in the profiles."""

BOARDS = tuple(T_MAX_C)
"""Boards of the suites v2 and main, on which guards are tuned and policies judged; profiles that
came later are none of them, so that the suites stay as they are."""

NOMINAL_ROOM_C = Scenario().ambient_c
"""The room of the profile's own unit: where a board is characterised."""

CABINETS_K = ((10.0, 20.0), (0.0, 10.0), (-10.0, 0.0))
"""How much warmer than the profile's warmest room it is in a cabinet: the first that is possible,
so that heat matters on cool boards too."""

OUTDOORS_K = (-20.0, -10.0)
"""How much cooler than the profile's coolest room it is outdoors."""

RAMP_K, RAMP_STEP_K, RAMP_STEP_S = 20.0, 2.0, 4.0
"""Height of a ramp of the room, up to a cabinet's, and its steps."""

FAN_FAILURES = {"fan": "fan_failed", "intake_fan": "solid_top"}
"""Coolings with a fan, and what they are without: of the Raspberry Pi 3B's case, closed."""

LOADS = (0.2, 0.6)
REST_S, BURST_S, SHORTEST_S = 20.0, 8.0, 1.0
"""Bursts of load: mean time between them, mean length of one, shortest of either."""

LOW_LOADS, HIGH_LOADS, HELD_S = (0.0, 0.2), (0.3, 0.6), (5.0, 40.0)
"""Alternating loads: the two levels, and how long each lasts."""

STAIR_S, STAIRS = (15.0, 60.0), (-2, -1, 1, 2)
"""Staircases of L_c: how long a stair lasts, and its height in steps of the grid."""

Rng = np.random.Generator
Values = dict[str, Any]
Range = tuple[float, float]


@dataclass(frozen=True)
class BoardOfSuite:
    """What the draws need to know of a board.

    Attributes:
        name: Name of its profile.
    """

    name: str

    @property
    def profile(self) -> BoardProfile:
        """Its profile."""
        return load_profile(self.name)

    @cached_property
    def twin(self) -> TwinBoard:
        """Its twin, with the recorded networks."""
        return TwinBoard(self.profile, load_family(DEFAULT_FAMILY))

    @property
    def rooms_c(self) -> Range:
        """Coolest and warmest room of its profile, degC."""
        spread = self.profile.spread
        assert spread is not None
        return spread.ambient_low_c, spread.ambient_high_c

    def constraint_s(self, multiple: float) -> float:
        """L_c, to a tenth of a millisecond."""
        return round(multiple * self.twin.nominal_latency_s, 4)


def _always(profile: BoardProfile) -> bool:
    return True


def _nothing(board: BoardOfSuite, step: int, rng: Rng) -> Values:
    return {}


@dataclass(frozen=True)
class Kind:
    """A condition of the suite.

    Attributes:
        draw: Values of the scenario, on a board and at a step of the grid.
        rooms: "profile", the profile's own unit in the nominal room; else every seed has a unit and
            a room: an "ordinary" one, in the cooler half of the range if need be, a "cabinet",
            "outdoors", where a "ramp" begins, or "either" of the first two, as drawn.
        coolings: Those that a board can have it with.
        exists: Tells whether a board can have it at all.
    """

    draw: Callable[[BoardOfSuite, int, Rng], Values] = _nothing
    rooms: str = "either"
    coolings: Callable[[BoardProfile], list[str]] = lambda profile: profile.own_coolings
    exists: Callable[[BoardProfile], bool] = _always


def _ramp(board: BoardOfSuite, step: int, rng: Rng) -> Values:
    """Changes from the nominal room; each seed's room shifts them."""
    start_s = _uniform(rng, 15.0, 30.0)
    return {
        "ambient_c": NOMINAL_ROOM_C,
        "changes": [
            {
                "at_s": start_s + RAMP_STEP_S * i,
                "ambient_c": NOMINAL_ROOM_C + RAMP_STEP_K * (i + 1),
            }
            for i in range(round(RAMP_K / RAMP_STEP_K))
        ],
    }


def _fan_fails(board: BoardOfSuite, step: int, rng: Rng) -> Values:
    (fan,) = _failing(board.profile)
    return {
        "changes": [
            {"at_s": _uniform(rng, 15.0, 30.0), "cooling": FAN_FAILURES[fan]},
            {"at_s": _uniform(rng, 50.0, 80.0), "cooling": fan},
        ],
    }


def _failing(profile: BoardProfile) -> list[str]:
    return [name for name in profile.cooling if name in FAN_FAILURES]


def _stepped(profile: BoardProfile) -> list[str]:
    return [name for name, cooling in profile.cooling.items() if cooling.fan]


def _steady_load(board: BoardOfSuite, step: int, rng: Rng) -> Values:
    return {"background_load": _uniform(rng, *LOADS, 2)}


def _load_bursts(board: BoardOfSuite, step: int, rng: Rng) -> Values:
    def lengths() -> Iterator[float]:
        while True:
            yield REST_S
            yield BURST_S

    changes: list[Values] = []
    time_s = 0.0
    for i, mean_s in enumerate(lengths()):
        time_s += max(SHORTEST_S, round(rng.exponential(mean_s), 1))
        if time_s >= EPISODE_S:
            return {"changes": changes}
        load = 0.0 if i % 2 else _uniform(rng, *LOADS, 2)
        changes.append({"at_s": round(time_s, 1), "background_load": load})
    raise AssertionError


def _alternating_load(board: BoardOfSuite, step: int, rng: Rng) -> Values:
    levels = _uniform(rng, *LOW_LOADS, 2), _uniform(rng, *HIGH_LOADS, 2)
    times_s = _times_s(rng, HELD_S)
    changes = [{"at_s": at_s, "background_load": levels[1 - i % 2]} for i, at_s in times_s]
    return {"background_load": levels[0], "changes": changes}


def _staircase(board: BoardOfSuite, step: int, rng: Rng) -> Values:
    changes, present = [], step
    for _, at_s in _times_s(rng, STAIR_S):
        stairs = [present + stair for stair in STAIRS if 0 <= present + stair < len(GRID)]
        present = stairs[rng.integers(len(stairs))]
        constraint_s = board.constraint_s(GRID[present])
        changes.append({"at_s": at_s, "latency_constraint_s": constraint_s})
    return {"changes": changes}


def _camera(board: BoardOfSuite, step: int, rng: Rng) -> Values:
    period = _uniform(rng, 1.0, 2.0, 2)
    return {"arrival_period_s": round(period * board.constraint_s(GRID[step]), 4)}


def _sensor(draw: Callable[[Rng], Values]) -> Kind:
    return Kind(lambda board, step, rng: {"sensing": draw(rng)}, "cabinet")


def _biased(rng: Rng) -> Values:
    return {"bias_c": float(rng.choice([-1, 1])) * _uniform(rng, 2.0, 5.0)}


def _always_same(**values: Any) -> Callable[[BoardOfSuite, int, Rng], Values]:
    return lambda board, step, rng: values


def _kernels() -> dict[str, Kind]:
    """The presets that are not their board's default."""
    others = {name: None for board in BOARDS for name in list(load_profile(board).throttling)[1:]}

    def kind(preset: str) -> Kind:
        return Kind(
            _always_same(throttling=preset),
            "cabinet",
            exists=lambda profile: preset in list(profile.throttling)[1:],
        )

    return {f"kernel_{name}": kind(name) for name in others}


CONDITIONS: dict[str, Kind] = {
    "nominal": Kind(rooms="profile"),
    "units": Kind(rooms="ordinary"),
    "cold": Kind(rooms="outdoors"),
    "hot": Kind(rooms="cabinet"),
    "ambient_ramp": Kind(_ramp, "ramp"),
    "fan_fails_and_returns": Kind(
        _fan_fails, coolings=_failing, exists=lambda profile: bool(_failing(profile))
    ),
    "fan_steps": Kind(coolings=_stepped, exists=lambda profile: bool(_stepped(profile))),
    "load_steady": Kind(_steady_load),
    "load_bursts": Kind(_load_bursts),
    "load_alternates": Kind(_alternating_load),
    "deadline_steps": Kind(_staircase),
    "camera": Kind(_camera),
    **_kernels(),
    "sensor_lags": _sensor(lambda rng: {"lag_s": _uniform(rng, 0.5, 2.0)}),
    "sensor_is_coarse": _sensor(lambda rng: {"resolution_c": _uniform(rng, 2.0, 5.0)}),
    "sensor_is_noisy": _sensor(lambda rng: {"noise_c": _uniform(rng, 0.5, 2.0)}),
    "sensor_is_biased": _sensor(_biased),
    "adaptta_published": Kind(_always_same(deadline_aware=False)),
    "one_pass": Kind(_always_same(policy="1C")),
}
"""Conditions by name; in all but `adaptta_published`, where AdapTTA minds no deadline as it was
published, and `one_pass`, where it is off, AdapTTA stops in time for L_c."""


def _uniform(rng: Rng, low: float, high: float, decimals: int = 1) -> float:
    return round(float(rng.uniform(low, high)), decimals)


def _times_s(rng: Rng, held_s: Range) -> Iterator[tuple[int, float]]:
    """Numbered times of changes until the episode's end."""
    count, time_s = 0, _uniform(rng, *held_s)
    while time_s < EPISODE_S:
        yield count, round(time_s, 1)
        count, time_s = count + 1, time_s + _uniform(rng, *held_s)


def rooms_of(board: BoardOfSuite, rooms: str) -> list[Range]:
    """Ranges of rooms, degC, to be tried in this order."""
    coolest_c, warmest_c = board.rooms_c
    cabinets_c = [(warmest_c + low_k, warmest_c + high_k) for low_k, high_k in CABINETS_K]
    ordinary_c = [board.rooms_c, (coolest_c, middle_c(board.rooms_c))]
    return {
        "profile": [(NOMINAL_ROOM_C, NOMINAL_ROOM_C)],
        "ordinary": ordinary_c,
        "cabinet": cabinets_c,
        "cabinet or ordinary": [*cabinets_c, *ordinary_c],
        "outdoors": [(coolest_c + OUTDOORS_K[0], coolest_c + OUTDOORS_K[1])],
        "ramp": [(low_c - RAMP_K, high_c - RAMP_K) for low_c, high_c in cabinets_c],
    }[rooms]


def middle_c(rooms_c: Range) -> float:
    """Middle of a range of rooms, degC."""
    return sum(rooms_c) / 2
