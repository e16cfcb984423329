"""Draws the benchmark's suites by rule: ``tvfs-gym dev draw-suite``.

Suite v2 is every condition of `CONDITIONS` on every board where it exists. What a condition leaves
open is drawn from a seed: L_c from a grid of multiples of the board's nominal latency, each about
equally often on every board; the rooms, about as often ordinary ones as cabinets; the cooling,
among the profile's; levels and times of loads, deadlines and deviations. T_max follows from the
board, the number of frames from L_c. A draw that no controller could serve (`possible`) is drawn
again, in a cooler cabinet if need be; nothing else is looked at, no result of any controller among
it. Suite main is a part of v2.

Courses of load and deadline are of other shapes here than those of `tvfs_gym.envs.conditions`, on
which policies are trained and guards are tuned: bursts of exponential lengths, alternations of
random lengths, staircases.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import pairwise
from math import exp
from pathlib import Path
from typing import Any

import numpy as np

from tvfs_gym.envs.boards.profile import BoardProfile, load_profile, profile_names
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, load_family
from tvfs_gym.envs.physics.latency import jitter_factor
from tvfs_gym.envs.randomisation import DomainRandomisation
from tvfs_gym.envs.scenario import Scenario, Unit, scenario_of
from tvfs_gym.experiments.benchmarks.suite import Condition

SEED = 2026

GRID = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 12.0)
"""L_c relative to the board's nominal latency: steps of about the root of 2."""

EPISODE_S = 300.0
"""An episode has as many frames as take so long if each takes its whole L_c, or comes so late."""

T_MAX_C = {
    "odroid_c2": 80.0,
    "odroid_xu4": 85.0,
    "raspberry_pi_3b": 80.0,
    "raspberry_pi_4b": 80.0,
}
"""T_max: the last passive trip of mainline's device tree (Odroids), or where the firmware begins to
throttle (Raspberry Pis); sources in the profiles."""

NOMINAL_ROOM_C = Scenario().ambient_c
"""The room of the profile's own unit: where a board is characterised."""

CABINETS_K = ((10.0, 20.0), (0.0, 10.0), (-10.0, 0.0))
"""How much warmer than the profile's warmest room it is in a cabinet: the first that is possible,
so that heat matters on cool boards too."""

TRIES = 20
"""Draws at each step of the grid, before another step or a cooler cabinet is tried."""

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

MAIN = (
    "nominal",
    "hot",
    "fan_fails_and_returns",
    "load_bursts",
    "deadline_steps",
    "camera",
    "sensor_lags",
    "adaptta_published",
)
"""Conditions of suite main, each on one board."""

Rng = np.random.Generator
Values = dict[str, Any]
Range = tuple[float, float]


@dataclass(frozen=True)
class Board:
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


def _nothing(board: Board, step: int, rng: Rng) -> Values:
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

    draw: Callable[[Board, int, Rng], Values] = _nothing
    rooms: str = "either"
    coolings: Callable[[BoardProfile], list[str]] = lambda profile: list(profile.cooling)
    exists: Callable[[BoardProfile], bool] = _always


def _ramp(board: Board, step: int, rng: Rng) -> Values:
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


def _fan_fails(board: Board, step: int, rng: Rng) -> Values:
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


def _steady_load(board: Board, step: int, rng: Rng) -> Values:
    return {"background_load": _uniform(rng, *LOADS, 2)}


def _load_bursts(board: Board, step: int, rng: Rng) -> Values:
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


def _alternating_load(board: Board, step: int, rng: Rng) -> Values:
    levels = _uniform(rng, *LOW_LOADS, 2), _uniform(rng, *HIGH_LOADS, 2)
    times_s = _times_s(rng, HELD_S)
    changes = [{"at_s": at_s, "background_load": levels[1 - i % 2]} for i, at_s in times_s]
    return {"background_load": levels[0], "changes": changes}


def _staircase(board: Board, step: int, rng: Rng) -> Values:
    changes, present = [], step
    for _, at_s in _times_s(rng, STAIR_S):
        stairs = [present + stair for stair in STAIRS if 0 <= present + stair < len(GRID)]
        present = stairs[rng.integers(len(stairs))]
        constraint_s = board.constraint_s(GRID[present])
        changes.append({"at_s": at_s, "latency_constraint_s": constraint_s})
    return {"changes": changes}


def _camera(board: Board, step: int, rng: Rng) -> Values:
    period = _uniform(rng, 1.0, 2.0, 2)
    return {"arrival_period_s": round(period * board.constraint_s(GRID[step]), 4)}


def _sensor(draw: Callable[[Rng], Values]) -> Kind:
    return Kind(lambda board, step, rng: {"sensing": draw(rng)}, "cabinet")


def _biased(rng: Rng) -> Values:
    return {"bias_c": float(rng.choice([-1, 1])) * _uniform(rng, 2.0, 5.0)}


def _always_same(**values: Any) -> Callable[[Board, int, Rng], Values]:
    return lambda board, step, rng: values


def _kernels() -> dict[str, Kind]:
    """The presets that are not their board's default."""
    others = {
        name: None for board in profile_names() for name in list(load_profile(board).throttling)[1:]
    }

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


def _rooms_c(board: Board, rooms: str) -> list[Range]:
    """Ranges of rooms, degC, to be tried in this order."""
    coolest_c, warmest_c = board.rooms_c
    cabinets_c = [(warmest_c + low_k, warmest_c + high_k) for low_k, high_k in CABINETS_K]
    ordinary_c = [board.rooms_c, (coolest_c, _middle_c(board.rooms_c))]
    return {
        "profile": [(NOMINAL_ROOM_C, NOMINAL_ROOM_C)],
        "ordinary": ordinary_c,
        "cabinet": cabinets_c,
        "cabinet or ordinary": [*cabinets_c, *ordinary_c],
        "outdoors": [(coolest_c + OUTDOORS_K[0], coolest_c + OUTDOORS_K[1])],
        "ramp": [(low_c - RAMP_K, high_c - RAMP_K) for low_c, high_c in cabinets_c],
    }[rooms]


def _middle_c(rooms_c: Range) -> float:
    return sum(rooms_c) / 2


def frames(scenario: Scenario) -> int:
    """Frames that come in `EPISODE_S` if each takes its whole L_c, or comes so late."""
    edges_s = [0.0, *(change.at_s for change in scenario.changes), EPISODE_S]
    stretches = [(start_s, end_s) for start_s, end_s in pairwise(edges_s) if end_s > start_s]
    periods_s = [
        max(scenario.at(start_s).latency_constraint_s, scenario.arrival_period_s)
        for start_s, _ in stretches
    ]
    rates = zip(stretches, periods_s, strict=True)
    return round(sum((end_s - start_s) / period_s for (start_s, end_s), period_s in rates))


def possible(board: Board, condition: Condition) -> bool:
    """Tells whether a poor unit in the warmest room can serve a condition throughout.

    It can if, whatever holds, the fastest network answers within L_c at a VF level at which the
    board settles at or below T_max: where heat at T_max is carried off,

    switching + rest + leakage(T_max) <= (T_max - T_room) / R

    The poor unit has all its factors one sigma worse; of other units, about one in ten is hotter.
    99 of 100 passes are faster than the latency taken. Where AdapTTA minds no deadline all its
    passes must fit.
    """
    assert condition.latency_constraints_s is not None
    constraint_s = condition.latency_constraints_s[0]
    start = scenario_of({"latency_constraint_s": constraint_s, **condition.scenario})
    warmest_c = start.ambient_c if condition.rooms_c is None else condition.rooms_c[1]
    present = (start.at(at_s) for at_s in (0.0, *(change.at_s for change in start.changes)))
    return all(
        _possible(board, now, condition.units, warmest_c + now.ambient_c - start.ambient_c)
        for now in present
    )


def _possible(board: Board, scenario: Scenario, units: bool, room_c: float) -> bool:
    profile, twin, t_max_c = board.profile, board.twin, scenario.t_max_c
    sigmas = DomainRandomisation(profile).log_sigmas(scenario.cooling) if units else {}
    poor = Unit(**{name: exp(sigma) for name, sigma in sigmas.items()})
    network = profile.cooling_named(scenario.cooling).networks[-1]
    leaves_w = (t_max_c - room_c) / (poor.resistance * network.total_resistance_k_w)
    passes = 1 if scenario.deadline_aware else min(scenario.max_passes, twin.views)
    slower = poor.latency * jitter_factor(profile.latency.jitter_log_sigma, 0.99)
    for level, point in enumerate(profile.operating_points):
        heat_w = (
            poor.switching * profile.switching_w(level, profile.threads)
            + profile.power.rest_w
            + poor.leakage * profile.leakage_w(point.voltage_v, t_max_c)
        )
        answer_s = passes * slower * twin.pass_latency_s[0, level] / (1 - scenario.background_load)
        if heat_w <= leaves_w and answer_s <= scenario.latency_constraint_s:
            return True
    return False


class Deck:
    """Values in a random order, from which each is taken about as often as the others.

    Args:
        values: The values.
        rng: Shuffles them.
    """

    def __init__(self, values: Sequence[Any], rng: Rng) -> None:
        self._values, self._rng = list(values), rng
        self._order: list[Any] = []

    def order(self, allowed: Collection[Any]) -> list[Any]:
        """The allowed values, the next one first."""
        while len(self._order) < 2 * len(self._values):
            shuffled = self._rng.permutation(len(self._values))
            self._order += [self._values[i] for i in shuffled]
        return [value for value in dict.fromkeys(self._order) if value in allowed]

    def take(self, value: Any) -> None:
        """Takes a value out, where it comes next."""
        self._order.remove(value)

    def deal(self, fits: Callable[[Any], bool] = lambda value: True) -> Any:
        """Takes out the next value that fits; those before it stay for later. None if none does."""
        value = next((value for value in self.order(self._values) if fits(value)), None)
        if value is not None:
            self.take(value)
        return value


@dataclass
class Draws:
    """Draws of one board: its decks, and what they dealt.

    Attributes:
        board: The board.
        rng: Seeds all draws.
        steps: Steps of the grid.
        rooms: Rooms of the conditions that leave them open.
        coolings: Coolings.
    """

    board: Board
    rng: Rng
    steps: Deck = field(init=False)
    rooms: Deck = field(init=False)
    coolings: Deck = field(init=False)

    def __post_init__(self) -> None:
        self.steps = Deck(range(len(GRID)), self.rng)
        self.coolings = Deck(list(self.board.profile.cooling), self.rng)
        self.rooms = Deck(("ordinary", "cabinet or ordinary"), self.rng)

    def condition(self, name: str, kind: Kind) -> tuple[float, Condition]:
        """Draws a condition; returns the multiple of the grid, and the condition.

        Raises:
            InputError: The board cannot have it at any L_c of the grid.
        """
        rooms = self.rooms.deal() if kind.rooms == "either" else kind.rooms
        units, coolings = rooms != "profile", kind.coolings(self.board.profile)
        made: dict[int, Condition] = {}

        def fits(cooling: str, rooms_c: Range, step: int) -> bool:
            for _ in range(TRIES):
                made[step] = self._made(kind, units, cooling, rooms_c, step)
                if possible(self.board, made[step]):
                    return True
            return False

        def step_with(cooling: str) -> int | None:
            for rooms_c in _rooms_c(self.board, rooms):
                step = self.steps.deal(partial(fits, cooling, rooms_c))
                if step is not None:
                    return int(step)
            return None

        tried = self.coolings.order(coolings) if units else [next(iter(self.board.profile.cooling))]
        for cooling in tried:
            step = step_with(cooling)
            if step is not None:
                if units:
                    self.coolings.take(cooling)
                return GRID[step], made[step]
        raise InputError(f"{self.board.name} can serve '{name}' at no L_c of the grid.")

    def _made(self, kind: Kind, units: bool, cooling: str, rooms_c: Range, step: int) -> Condition:
        board, constraint_s = self.board, self.board.constraint_s(GRID[step])
        values: Values = {
            "t_max_c": T_MAX_C[board.name],
            "ambient_c": _middle_c(rooms_c),
            "cooling": cooling,
            **kind.draw(board, step, self.rng),
        }
        scenario = scenario_of({"latency_constraint_s": constraint_s, **values})
        return Condition(
            board=board.name,
            latency_constraints_s=(constraint_s,),
            units=units,
            rooms_c=rooms_c if units else None,
            scenario={**values, "frames": frames(scenario)},
        )


Drawn = dict[str, tuple[float, Condition]]
"""Multiple of the nominal latency and condition, by name."""


def draw_v2(seed: int = SEED) -> Drawn:
    """Draws suite v2: the boards of every condition one after the other."""
    rngs = np.random.default_rng(seed).spawn(len(T_MAX_C))
    draws = [Draws(Board(name), rng) for name, rng in zip(T_MAX_C, rngs, strict=True)]
    return {
        _name(name, draw.board.name): draw.condition(name, kind)
        for name, kind in CONDITIONS.items()
        for draw in draws
        if kind.exists(draw.board.profile)
    }


def draw_main(v2: Drawn, seed: int = SEED) -> Drawn:
    """Draws suite main from v2: the conditions of `MAIN`, and on every board as many."""
    boards, names = Deck(list(T_MAX_C), np.random.default_rng(seed)), []
    for condition in MAIN:
        possible_on = {board for board in T_MAX_C if _name(condition, board) in v2}
        names.append(_name(condition, boards.deal(possible_on.__contains__)))
    return {name: v2[name] for name in names}


def _name(condition: str, board: str) -> str:
    return f"{condition}, {board}"


HEADER = {
    "v2": "Scenario suite v2. Its rule and its seed stand in drawing.py.",
    "main": "Suite main: a quick part of suite v2. Its rule and its seed stand in drawing.py.",
}


def toml_of(suite: str, drawn: Drawn) -> str:
    """A drawn suite as the text of its file."""
    parts = [
        f"# {HEADER[suite]}\n# Written by tvfs-gym dev draw-suite; do not edit.\n\n"
        f'family = "{DEFAULT_FAMILY}"\n'
    ]
    for name, (multiple, condition) in drawn.items():
        values = condition.model_dump(exclude_none=True, exclude={"scenario"})
        lines = [f"[conditions.{json.dumps(name)}]  # L_c: {multiple:g} times the nominal latency"]
        lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
        lines += [f"scenario.{key} = {_toml(value)}" for key, value in condition.scenario.items()]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        rows = [_toml(item) for item in value]
        if value and isinstance(value[0], dict):
            return "[\n" + "".join(f"    {row},\n" for row in rows) + "]"
        return f"[{', '.join(rows)}]"
    return json.dumps(value)


def drawn_files() -> dict[str, str]:
    """Texts of the suites' files, by name."""
    v2 = draw_v2()
    return {"v2": toml_of("v2", v2), "main": toml_of("main", draw_main(v2))}


def write_suites(checkout: Path) -> None:
    """Draws the suites and writes their files into a checkout."""
    for name, text in drawn_files().items():
        path = checkout / "experiments" / "benchmarks" / "suites" / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
