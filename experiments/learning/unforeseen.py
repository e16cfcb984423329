"""Where learning may win: heat that no model tells of. ``tvfs-gym dev draw-unforeseen`` draws it.

Suite unforeseen stands beside suite v2, whose conditions a controller's model holds in, or deviates
from in known ways. Its scenarios were drawn by this rule before any controller ran in them:

- ``replayed_heat``: what the twin's fit to a real board leaves over on a run that it was not fitted
  to, on top of the twin's own heat, so that fans, firmware and rooms are as they were. It is the
  run that docs/twin.md shows of every cooling, from where the prediction runs free, forwards and
  backwards until the episode ends. The twin takes it as a course of the ambient temperature, found
  by least squares, whose way to the die leads to what was left over.
- ``work_elsewhere``: work beside the CPU, on a GPU or a disk, that no counter shows: it warms the
  board by some kelvins for some time, again and again.

L_c, units and rooms are drawn as for suite v2, in cabinets first, where heat matters. The suite
stays as it was first drawn, which is what controllers were judged on: later fits leave other
courses over, as the Odroid-C2's does since docs/twin.md knows at least ten samples of a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from tvfs_gym.envs.boards.profile import BoardProfile, load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.lengths import EPISODE_S
from tvfs_gym.envs.physics.thermal import AMBIENT_SHARE, RATE
from tvfs_gym.experiments.benchmarks.drawing import Draws, toml_of
from tvfs_gym.experiments.benchmarks.kinds import (
    NOMINAL_ROOM_C,
    T_MAX_C,
    BoardOfSuite,
    Kind,
    Rng,
    Values,
)
from tvfs_gym.experiments.benchmarks.suite import Condition
from tvfs_gym.experiments.twin.catalogue import Fit, load_catalogue
from tvfs_gym.experiments.twin.errors import predictions
from tvfs_gym.experiments.twin.refit import Result, refitted

Vector = NDArray[np.float64]

SUITE = "unforeseen"
SEED = 2027

REPLAYED, ELSEWHERE = "replayed_heat", "work_elsewhere"
"""Names of the kinds."""

PIECE_S, MOST_K, PRICE = 5.0, 25.0, 0.02
"""Length of a piece of the ambient's course, how far it may go, and what a piece's deviation costs
beside what is not met: it keeps noise from becoming a course."""

WARMER_K, HELD_S = (4.0, 12.0), (10.0, 60.0)
"""How much work elsewhere warms the board, and how long it lasts, and rests; uniform."""

HEADER = """# Suite unforeseen: heat that no model tells of. Its rule and its seed stand in
# experiments/learning/unforeseen.py; the sources of the runs replayed, in docs/twin.md.
# Written by tvfs-gym dev draw-unforeseen; do not edit."""


@dataclass(frozen=True)
class ReplayedHeat:
    """What a fit leaves over on a run, as a course of the ambient temperature.

    Attributes:
        board: Name of the profile.
        cooling: The cooling that was fitted; where it is another board's, the first of its own.
        residual_k: What was left over, root mean square.
        missed_k: What of it the course does not bring to the die.
        course_k: Deviations of the ambient temperature, one for every `PIECE_S`.
    """

    board: str
    cooling: str
    residual_k: float
    missed_k: float
    course_k: tuple[float, ...]


def replay_of(result: Result) -> ReplayedHeat:
    """Turns what a fit leaves over on the run that stands for it into a course."""
    trace, known = result.shown
    predicted, free = predictions(result.model, trace, known)
    left_k = (trace.temperature_c - predicted["model"])[free]
    time_s = trace.time_s[free] - trace.time_s[free][0]
    pieces = int(EPISODE_S / PIECE_S)
    seen_s: Vector = np.arange(1.0, pieces + 1.0) * PIECE_S
    residual_k = np.interp(_to_and_fro(seen_s, float(time_s[-1])), time_s, left_k)
    profile, cooling = load_profile(result.fit.board), result.fit.cooling
    if cooling not in profile.own_coolings:
        cooling = profile.own_coolings[0]
    modes = profile.cooling_named(cooling).networks[0].modes
    way = _way_to_the_die(seen_s, modes)
    course_k = _course(way, residual_k)
    return ReplayedHeat(
        result.fit.board,
        cooling,
        float(np.sqrt(np.mean(residual_k**2))),
        float(np.sqrt(np.mean((way @ course_k - residual_k) ** 2))),
        tuple(np.round(course_k, 1).tolist()),
    )


def _to_and_fro(time_s: Vector, length_s: float) -> Vector:
    """Times within a run that is played forwards, backwards, and so on."""
    phase = np.mod(time_s, 2.0 * length_s)
    return np.minimum(phase, 2.0 * length_s - phase)


def _way_to_the_die(seen_s: Vector, modes: Vector) -> Vector:
    """What every piece's kelvin brings to the die by every time, shape (times, pieces)."""
    since_s = seen_s[:, np.newaxis] - (seen_s - PIECE_S)

    def risen(for_s: Vector) -> Vector:
        warmed = 1.0 - np.exp(-modes[:, RATE] * np.maximum(for_s, 0.0)[..., np.newaxis])
        total: Vector = warmed @ modes[:, AMBIENT_SHARE]
        return total

    return risen(since_s) - risen(since_s - PIECE_S)


def _course(way: Vector, residual_k: Vector) -> Vector:
    pieces = way.shape[1]
    matrix = np.vstack([way, PRICE * np.eye(pieces)])
    wanted = np.concatenate([residual_k, np.zeros(pieces)])
    course: Vector = lsq_linear(matrix, wanted, (-MOST_K, MOST_K)).x
    return course


def _under(cooling: str) -> Kind:
    """A kind under one cooling, whose course is not drawn; see `_replayed`."""

    def draw(board: BoardOfSuite, step: int, rng: Rng) -> Values:
        return {"ambient_c": NOMINAL_ROOM_C}

    return Kind(draw, "cabinet or ordinary", lambda profile: [cooling])


def _replayed(replay: ReplayedHeat) -> list[Values]:
    """Changes of the ambient temperature.

    They are not asked whether a controller can serve them: they come and go.
    """
    return [
        {"at_s": number * PIECE_S, "ambient_c": round(NOMINAL_ROOM_C + deviation_k, 1)}
        for number, deviation_k in enumerate(replay.course_k)
        if number > 0
    ]


def _work_elsewhere(board: BoardOfSuite, step: int, rng: Rng) -> Values:
    changes: list[Values] = []
    time_s, warmer_k = rng.uniform(*HELD_S), 0.0
    while time_s < EPISODE_S:
        warmer_k = 0.0 if warmer_k else rng.uniform(*WARMER_K)
        changes.append({"at_s": round(time_s, 1), "ambient_c": round(NOMINAL_ROOM_C + warmer_k, 1)})
        time_s += rng.uniform(*HELD_S)
    return {"ambient_c": NOMINAL_ROOM_C, "changes": changes}


def _own_coolings(profile: BoardProfile) -> list[str]:
    return profile.own_coolings


def draw_unforeseen(replays: Sequence[ReplayedHeat]) -> dict[str, tuple[float, Condition]]:
    """Draws the suite; a cooling under which no L_c can be served in any room is left out.

    Args:
        replays: Of the fits, in their order.
    """
    drawn: dict[str, tuple[float, Condition]] = {}
    rngs = np.random.default_rng(SEED).spawn(len(T_MAX_C))
    for board, rng in zip(T_MAX_C, rngs, strict=True):
        draws = Draws(BoardOfSuite(board), rng)
        for replay in (one for one in replays if one.board == board):
            name = f"{REPLAYED}, {board}, {replay.cooling}"
            try:
                multiple, condition = draws.condition(REPLAYED, _under(replay.cooling))
            except InputError:
                continue
            scenario = {**condition.scenario, "changes": _replayed(replay)}
            drawn[name] = multiple, condition.model_copy(update={"scenario": scenario})
        for number in (1, 2, 3):
            kind = Kind(_work_elsewhere, "cabinet or ordinary", _own_coolings)
            drawn[f"{ELSEWHERE} {number}, {board}"] = draws.condition(ELSEWHERE, kind)
    return drawn


def fits() -> tuple[Fit, ...]:
    """Fits of the suite's boards."""
    return tuple(fit for fit in load_catalogue().fits if fit.board in T_MAX_C)


def write_suite(traces: Path, checkout: Path) -> list[ReplayedHeat]:
    """Draws the suite and writes its file into a checkout.

    Args:
        traces: Folder of measured traces, as ``dev fidelity`` takes it.
        checkout: The checkout.

    Raises:
        InputError: A trace is missing or cannot be used.
    """
    replays = [replay_of(refitted(fit, traces)) for fit in fits()]
    path = checkout / "experiments" / "benchmarks" / "suites" / f"{SUITE}.toml"
    path.write_text(toml_of(HEADER, draw_unforeseen(replays)), encoding="utf-8")
    return replays


def replay_rows(replays: Sequence[ReplayedHeat]) -> list[list[Any]]:
    """What was replayed, as rows of a table."""
    return [
        [one.board, one.cooling, f"{one.residual_k:.2f}", f"{one.missed_k:.2f}"] for one in replays
    ]
