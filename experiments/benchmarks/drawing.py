"""Draws the benchmark's suites by rule: ``tvfs-gym dev draw-suite``.

Suite v2 is every condition of `CONDITIONS` on every board where it exists. What a condition leaves
open is drawn from a seed: L_c from a grid of multiples of the board's nominal latency, each about
equally often on every board; the rooms, about as often ordinary ones as cabinets; the cooling,
among the profile's; levels and times of loads, deadlines and deviations. T_max follows from the
board, the number of frames from L_c. A draw that no controller could serve (`possible`) is drawn
again, in a cooler cabinet if need be; nothing else is looked at, no result of any controller among
it. Suite main is a part of v2; suite sensitivity is another, in variations of its board.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import exp
from pathlib import Path
from typing import Any

import numpy as np

from tvfs_gym.envs.boards.variation import Variation
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY
from tvfs_gym.envs.lengths import frames_of_episode
from tvfs_gym.envs.physics.latency import jitter_factor
from tvfs_gym.envs.randomisation import DomainRandomisation
from tvfs_gym.envs.scenario import Scenario, Unit, scenario_of
from tvfs_gym.experiments.benchmarks.kinds import (
    CONDITIONS,
    GRID,
    T_MAX_C,
    BoardOfSuite,
    Kind,
    Range,
    Rng,
    Values,
    middle_c,
    rooms_of,
)
from tvfs_gym.experiments.benchmarks.suite import Condition

SEED = 2026

TRIES = 20
"""Draws at each step of the grid, before another step or a cooler cabinet is tried."""

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

VARIED_BOARD = "odroid_xu4"
"""The board of suite sensitivity: its latencies are assumed, and it has the preset VF_low."""

VARIED_CONDITIONS = 10
"""Conditions of suite sensitivity, drawn among the board's under its default kernel."""

VARIATIONS = {
    "as it is": Variation(),
    "latency x 0.8": Variation(latency=0.8),
    "latency x 1.2": Variation(latency=1.2),
    "resistance x 0.8": Variation(resistance=0.8),
    "resistance x 1.2": Variation(resistance=1.2),
    "jitter x 2": Variation(jitter=2.0),
    "VF_low 1.2 GHz, 3 K": Variation(vf_low_hz=1.2e9, vf_low_hysteresis_c=3.0),
    "VF_low 1.6 GHz, 5 K": Variation(vf_low_hz=1.6e9, vf_low_hysteresis_c=5.0),
}
"""Numbers of a profile that are measured on some boards and assumed on others, changed."""

Drawn = dict[str, tuple[float, Condition]]
"""Multiple of the nominal latency and condition, by name."""


def possible(board: BoardOfSuite, condition: Condition) -> bool:
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


def _possible(board: BoardOfSuite, scenario: Scenario, units: bool, room_c: float) -> bool:
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

    board: BoardOfSuite
    rng: Rng
    steps: Deck = field(init=False)
    rooms: Deck = field(init=False)
    coolings: Deck = field(init=False)

    def __post_init__(self) -> None:
        self.steps = Deck(range(len(GRID)), self.rng)
        self.coolings = Deck(self.board.profile.own_coolings, self.rng)
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
            for rooms_c in rooms_of(self.board, rooms):
                step = self.steps.deal(partial(fits, cooling, rooms_c))
                if step is not None:
                    return int(step)
            return None

        tried = self.coolings.order(coolings) if units else self.board.profile.own_coolings[:1]
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
            "ambient_c": middle_c(rooms_c),
            "cooling": cooling,
            **kind.draw(board, step, self.rng),
        }
        scenario = scenario_of({"latency_constraint_s": constraint_s, **values})
        return Condition(
            board=board.name,
            latency_constraints_s=(constraint_s,),
            units=units,
            rooms_c=rooms_c if units else None,
            scenario={**values, "frames": frames_of_episode(scenario)},
        )


def draw_v2(seed: int = SEED) -> Drawn:
    """Draws suite v2: the boards of every condition one after the other."""
    rngs = np.random.default_rng(seed).spawn(len(T_MAX_C))
    draws = [Draws(BoardOfSuite(name), rng) for name, rng in zip(T_MAX_C, rngs, strict=True)]
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


def draw_sensitivity(v2: Drawn, seed: int = SEED) -> Drawn:
    """Draws suite sensitivity from v2: conditions of `VARIED_BOARD`, in v2's order."""
    names = [
        name
        for name, (_, condition) in v2.items()
        if condition.board == VARIED_BOARD and "throttling" not in condition.scenario
    ]
    rng = np.random.default_rng(seed)
    rows = sorted(rng.choice(len(names), VARIED_CONDITIONS, replace=False).tolist())
    return {names[row]: v2[names[row]] for row in rows}


def _name(condition: str, board: str) -> str:
    return f"{condition}, {board}"


_HEADERS = {
    "v2": "Scenario suite v2. Its rule and its seed stand in drawing.py.",
    "main": "Suite main: a quick part of suite v2. Its rule and its seed stand in drawing.py.",
    "sensitivity": "Suite sensitivity: a part of suite v2, on boards whose numbers differ.",
}


def _header(suite: str) -> str:
    return f"# {_HEADERS[suite]}\n# Written by tvfs-gym dev draw-suite; do not edit."


def toml_of(header: str, drawn: Drawn, variations: Mapping[str, Variation] | None = None) -> str:
    """A drawn suite as the text of its file.

    Args:
        header: Lines of comment that the file begins with.
        drawn: The conditions.
        variations: Variations of the boards by name.
    """
    parts = [f'{header}\n\nfamily = "{DEFAULT_FAMILY}"\n']
    for name, (multiple, condition) in drawn.items():
        values = condition.model_dump(exclude_none=True, exclude={"scenario"})
        lines = [f"[conditions.{json.dumps(name)}]  # L_c: {multiple:g} times the nominal latency"]
        lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
        lines += [f"scenario.{key} = {_toml(value)}" for key, value in condition.scenario.items()]
        parts.append("\n".join(lines) + "\n")
    varied = [
        f"{json.dumps(name)} = {_toml(variation.model_dump(exclude_defaults=True))}"
        for name, variation in (variations or {}).items()
    ]
    if varied:
        parts.append("\n".join(["[variations]", *varied]) + "\n")
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
    return {
        "v2": toml_of(_header("v2"), v2),
        "main": toml_of(_header("main"), draw_main(v2)),
        "sensitivity": toml_of(_header("sensitivity"), draw_sensitivity(v2), VARIATIONS),
    }


def write_suites(checkout: Path) -> None:
    """Draws the suites and writes their files into a checkout."""
    for name, text in drawn_files().items():
        path = checkout / "experiments" / "benchmarks" / "suites" / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
