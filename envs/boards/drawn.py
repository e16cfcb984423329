"""Boards drawn at random, to train on and to be tried on: every one of them could be built.

A controller that has learnt on many boards can meet one that it has never seen. The ranges stand
with their sources in ``drawn.toml``: published boards that do not ship with the package, and
physics. As they look at no profile that ships, each of these is unseen. A board is named by its
number, and the number seeds its draw: ``drawn:17`` is the same one everywhere.
"""

from functools import cache
from importlib.resources import files
from math import exp, log
from typing import Any

import numpy as np

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.physics.power import dynamic_power_w, leakage_power_w
from tvfs_gym.envs.tables import Table, read_toml

PREFIX = "drawn:"
"""Beginning of a drawn board's name; its number follows."""

SOURCE = "drawn at random within the ranges of envs/boards/drawn.toml"

THREADS = (2, 4, 6)
"""Cores that run the inference: big clusters of RK3399, RK3588 and Orin Nano."""

NODES, NODE_SHARES = (1, 2, 3), (0.1, 0.45, 0.45)
"""Thermal nodes, and how often a board has so many."""

SHARE = 0.5
"""Share of the boards with a second cooling, with a fan that the kernel drives, and so on."""

LEAST_NODE = 0.1
"""Least share of a thermal node in the rise."""

FAN_STATES = 3
"""Speeds of a fan that the kernel drives; at the highest one its cooling is the usual one."""

ROOM_C, WARM_ROOM_C = 25.0, 40.0
BUSY_BELOW_C = 75.0
"""A board that is busy at its slowest level settles below that in a usual room."""

IDLE_BELOW_CRITICAL_C = 5.0
WORST_RESISTANCE, WORST_LEAKAGE = 1.35, 2.1
"""The worst unit of a board idles so far below its critical temperature in a warm room."""

HOT_C = 85.0
"""Temperature at which the leakage's share is drawn."""

SETTLING, FAR_TOO_HOT_C = 50, 200.0
"""Iterations in which leakage and heat settle, and where a runaway stops."""

SPREAD = {
    "source": "assumed, as of the boards that ship: see envs/boards/profiles",
    "resistance": 0.13, "capacitance": 0.10, "switching": 0.07, "leakage": 0.35, "latency": 0.05,
    "ambient_low_c": 15.0, "ambient_high_c": WARM_ROOM_C,
}  # fmt: skip
"""How units differ."""

Values = dict[str, Any]


class Range(Table):
    """A range to draw from.

    Attributes:
        source: Where it comes from.
        low: Lowest value.
        high: Highest value.
        log: True if the logarithm is uniform.
    """

    source: str
    low: float
    high: float
    log: bool = False

    def draw(self, rng: np.random.Generator) -> float:
        """A value in it."""
        if self.log:
            return exp(rng.uniform(log(self.low), log(self.high)))
        return float(rng.uniform(self.low, self.high))


class Ranges(Table):
    """The ranges: see ``drawn.toml`` for their meaning."""

    levels: Range
    highest_hz: Range
    lowest_clock: Range
    unevenness: Range
    highest_v: Range
    lowest_v: Range
    flat_v: Range
    full_load_w: Range
    cluster_share: Range
    rest_share: Range
    leakage_share: Range
    leakage_c2_k: Range
    rise_k: Range
    die_s: Range
    package_s: Range
    sink_s: Range
    other_cooling: Range
    fan_c: Range
    reference_s: Range
    memory_share: Range
    jitter_log_sigma: Range
    switch_s: Range
    resolution_c: Range
    critical_c: Range
    trip_c: Range
    hysteresis_c: Range
    poll_s: Range
    progressive_c: Range
    progressive_hz_per_c: Range


@cache
def ranges() -> Ranges:
    """The ranges that ship."""
    return read_toml(files("tvfs_gym.envs.boards") / "drawn.toml", Ranges)


def is_drawn(name: str) -> bool:
    """Tells whether a board's name is one of a drawn board."""
    return name.startswith(PREFIX)


def drawn_values(name: str) -> Values:
    """The values of a drawn board's profile.

    Args:
        name: ``drawn:N`` with a number N from 0 on.

    Raises:
        InputError: No number follows.
    """
    number = name.removeprefix(PREFIX)
    if not (number.isascii() and number.isdigit()):
        raise InputError(f"expected a board such as drawn:17, with a whole number, not '{name}'.")
    rng = np.random.default_rng(int(number))
    while True:
        values = _any_board(rng)
        if _could_be_used(values):
            return {"name": f"{PREFIX}{int(number)}", **values}


def _any_board(rng: np.random.Generator) -> Values:
    within = ranges()
    points = _operating_points(rng, within)
    threads = int(rng.choice(THREADS))
    full_load_w = within.full_load_w.draw(rng)
    critical_c = within.critical_c.draw(rng)
    return {
        "description": f"a board drawn at random: {len(points)} VF levels, {threads} cores",
        "threads": threads,
        "critical_c": critical_c,
        "operating_points_source": SOURCE,
        "operating_points": points,
        "power": _power(rng, within, points[-1], threads, full_load_w),
        "leakage": _leakage(rng, within, points[-1]["voltage_v"], full_load_w),
        "latency": _latency(rng, within, points[-1]["frequency_hz"]),
        "sensor": {
            "source": SOURCE,
            "resolution_c": within.resolution_c.draw(rng),
            "measures_power": False,
        },
        "cooling": _coolings(rng, within, full_load_w),
        "throttling": _throttling(rng, within, len(points) - 1, critical_c),
        "spread": SPREAD,
    }


def _operating_points(rng: np.random.Generator, within: Ranges) -> list[Values]:
    """Clocks in uneven steps; the supply stays lowest up to some clock, and then rises with it."""
    count = round(within.levels.draw(rng))
    steps = rng.uniform(1.0, within.unevenness.draw(rng), count - 1)
    lowest = within.lowest_clock.draw(rng)
    clocks = lowest + (1.0 - lowest) * np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])
    highest_hz, highest_v = within.highest_hz.draw(rng), within.highest_v.draw(rng)
    lowest_v, flat = within.lowest_v.draw(rng), within.flat_v.draw(rng)
    rising = np.maximum((clocks - flat) / (1.0 - flat), 0.0)
    supplies_v = highest_v * (lowest_v + (1.0 - lowest_v) * rising)
    return [
        {"frequency_hz": clock * highest_hz, "voltage_v": supply_v}
        for clock, supply_v in zip(clocks.tolist(), supplies_v.tolist(), strict=True)
    ]


def _power(
    rng: np.random.Generator, within: Ranges, highest: Values, threads: int, full_load_w: float
) -> Values:
    full_nf = full_load_w / (highest["voltage_v"] ** 2 * highest["frequency_hz"] / 1e9)
    cluster_share = within.cluster_share.draw(rng)
    return {
        "source": SOURCE,
        "cluster_nf": cluster_share * full_nf,
        "thread_nf": (1.0 - cluster_share) * full_nf / threads,
        "rest_w": within.rest_share.draw(rng) * full_load_w,
    }


def _leakage(
    rng: np.random.Generator, within: Ranges, highest_v: float, full_load_w: float
) -> Values:
    """Subthreshold current alone, scaled to its share of the full load."""
    c2_k = within.leakage_c2_k.draw(rng)
    share = within.leakage_share.draw(rng)
    c1_a_k2 = share * full_load_w / leakage_power_w(highest_v, HOT_C, 1.0, c2_k, 0.0)
    return {"source": SOURCE, "c1_a_k2": c1_a_k2, "c2_k": c2_k, "gate_a": 0.0}


def _latency(rng: np.random.Generator, within: Ranges, highest_hz: float) -> Values:
    reference_s, memory_share = within.reference_s.draw(rng), within.memory_share.draw(rng)
    return {
        "source": SOURCE,
        "clock_gcycles": (1.0 - memory_share) * reference_s * highest_hz / 1e9,
        "memory_s": memory_share * reference_s,
        "jitter_log_sigma": within.jitter_log_sigma.draw(rng),
        "switch_s": within.switch_s.draw(rng),
    }


def _coolings(rng: np.random.Generator, within: Ranges, full_load_w: float) -> Values:
    """The usual cooling; others differ from it in the outermost resistance."""
    count = int(rng.choice(NODES, p=NODE_SHARES))
    shares = LEAST_NODE + (1.0 - LEAST_NODE * count) * rng.dirichlet(np.ones(count))
    resistances = (within.rise_k.draw(rng) / full_load_w * shares).tolist()
    constants_s = _time_constants_s(rng, within, count)
    capacitances = [
        constant / resistance for constant, resistance in zip(constants_s, resistances, strict=True)
    ]
    usual = {
        "source": SOURCE, "resistances_k_w": resistances, "capacitances_j_k": capacitances,
    }  # fmt: skip
    coolings = {"usual": usual}
    if rng.random() < SHARE:
        factor = within.other_cooling.draw(rng)
        others = [*resistances[:-1], factor * resistances[-1]]
        coolings["other"] = {**usual, "resistances_k_w": others}
    if rng.random() < SHARE:
        coolings["fan_steps"] = _with_fan(rng, within, usual)
    return coolings


def _time_constants_s(rng: np.random.Generator, within: Ranges, count: int) -> list[float]:
    """R C of each node, from the die outwards."""
    if count == 1:
        return [within.package_s.draw(rng)]
    outer = within.sink_s if count == 3 or rng.random() < SHARE else within.package_s
    middle = [within.package_s.draw(rng)] if count == 3 else []
    return sorted([within.die_s.draw(rng), *middle, outer.draw(rng)])


def _with_fan(rng: np.random.Generator, within: Ranges, usual: Values) -> Values:
    """A cooling whose fan the kernel drives: fully on, it is the usual one."""
    most = max(within.other_cooling.draw(rng), 1.2)
    factors = np.linspace(most, 1.0, FAN_STATES + 1)
    outer = (usual["resistances_k_w"][-1] * factors).tolist()
    at_c = np.sort([within.fan_c.draw(rng) for _ in range(FAN_STATES)]).tolist()
    hysteresis_c = within.hysteresis_c.draw(rng)
    trips = [
        {"temperature_c": trip_c, "hysteresis_c": hysteresis_c, "lower": n, "upper": n + 1}
        for n, trip_c in enumerate(at_c)
    ]
    return {
        **usual,
        "resistances_k_w": [*usual["resistances_k_w"][:-1], outer[0]],
        "fan": {"trips": trips, "outer_resistances_k_w": outer},
    }


def _throttling(
    rng: np.random.Generator, within: Ranges, highest: int, critical_c: float
) -> Values:
    """One kernel or firmware, or two: steps, a fixed low clock, a progressive one, or none."""
    makers = {
        "step_wise": _steps(rng, within, highest),
        "vf_low": _vf_low(rng, within, highest),
        "firmware": _firmware(rng, within, critical_c),
        "none": {},
    }
    names = rng.permutation(list(makers))[: 1 + rng.integers(2)].tolist()
    return {
        name: {
            "source": SOURCE,
            "poll_s": within.poll_s.draw(rng),
            "honours_hysteresis": bool(rng.random() < SHARE),
            **makers[name],
        }
        for name in names
    }


def _steps(rng: np.random.Generator, within: Ranges, highest: int) -> Values:
    """One to three trips, each with its stretch of the VF levels."""
    count = int(rng.integers(1, 4))
    at_c = np.sort([within.trip_c.draw(rng) for _ in range(count)]).tolist()
    ends = np.sort(rng.integers(1, highest + 1, count)).tolist()
    hysteresis_c = within.hysteresis_c.draw(rng)
    trips = [
        {"temperature_c": trip_c, "hysteresis_c": hysteresis_c, "lower": begin, "upper": end}
        for trip_c, begin, end in zip(at_c, [0, *ends[:-1]], ends, strict=True)
    ]
    return {"trips": trips}


def _vf_low(rng: np.random.Generator, within: Ranges, highest: int) -> Values:
    """Down to one level above T_max."""
    state = int(rng.integers(1, highest + 1))
    hysteresis_c = within.hysteresis_c.draw(rng)
    return {"trips": [{"hysteresis_c": hysteresis_c, "lower": state, "upper": state}]}


def _firmware(rng: np.random.Generator, within: Ranges, critical_c: float) -> Values:
    return {
        "progressive_from_c": critical_c - within.progressive_c.draw(rng),
        "progressive_hz_per_c": within.progressive_hz_per_c.draw(rng),
    }


def _could_be_used(values: Values) -> bool:
    """Whether the board can be held cool at all, and even its worst unit idles."""
    limit_c = values["critical_c"] - IDLE_BELOW_CRITICAL_C
    for cooling in values["cooling"].values():
        idle_k_w = sum(cooling["resistances_k_w"])
        busy_k_w = idle_k_w
        if "fan" in cooling:  # idle it is off, and busy it is on
            outer_k_w = cooling["fan"]["outer_resistances_k_w"]
            busy_k_w += outer_k_w[-1] - outer_k_w[0]
        if _settled_c(values, busy_k_w, 1.0, ROOM_C) > BUSY_BELOW_C:
            return False
        worst_k_w = WORST_RESISTANCE * idle_k_w
        if _settled_c(values, worst_k_w, 0.0, WARM_ROOM_C, WORST_LEAKAGE) > limit_c:
            return False
    return True


def _settled_c(
    values: Values, resistance_k_w: float, busy: float, room_c: float, leakage: float = 1.0
) -> float:
    """Where the die settles at the slowest level; a runaway ends far above every limit."""
    power, leaking, slowest = values["power"], values["leakage"], values["operating_points"][0]
    voltage_v = slowest["voltage_v"]
    clock_ghz, threads = slowest["frequency_hz"] / 1e9, busy * values["threads"]
    capacitances_nf = power["cluster_nf"], power["thread_nf"]
    steady_w = dynamic_power_w(clock_ghz, voltage_v, threads, 1.0, *capacitances_nf)
    steady_w += power["rest_w"]
    settled_c = room_c
    for _ in range(SETTLING):
        leaked_w = leakage * leakage_power_w(
            voltage_v, settled_c, leaking["c1_a_k2"], leaking["c2_k"], leaking["gate_a"]
        )
        settled_c = min(room_c + resistance_k_w * (steady_w + leaked_w), FAR_TOO_HOT_C)
    return settled_c


def drawn_names(first: int, count: int) -> list[str]:
    """Names of so many drawn boards, from a number on."""
    return [f"{PREFIX}{number}" for number in range(first, first + count)]
