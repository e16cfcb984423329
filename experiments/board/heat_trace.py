"""A heat trace: a board loaded and rested in turn, to identify its thermal network from."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from tvfs_gym.baselines.characterisation.measuring import KEY, MeasurementPlan, measurement_scenario
from tvfs_gym.envs.boards.board import Board, Configuration
from tvfs_gym.envs.boards.window import W, Window
from tvfs_gym.envs.scenario import Scenario

DWELLS = (1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125)
"""Load and rest of the heat trace in turn, in settling times: short ones show the fast time
constants, long ones the slow ones."""

LONGEST_PERIOD_S = 1.0
"""A frame of the heat trace gets as many passes as end within this time, but at least one."""

SAMPLE_S = 0.5
"""Time between samples, if frames come so often."""

SLACK = 1.1
"""Period of the heat trace's frames, in latencies of its heaviest frame: none has to wait."""


@dataclass(frozen=True)
class TraceRow:
    """A sample of a heat trace; each value holds for the time since the sample before.

    Attributes:
        time_s: Since the trace's start.
        temperature_c: Sensor reading.
        load: Busy share of the CPU times the topology's switching activity: what heats.
        frequency_mhz: Mean clock.
        power_w: Mean power; None on a board without a power sensor.
    """

    time_s: float
    temperature_c: float
    load: float
    frequency_mhz: float
    power_w: float | None


def heat_trace(
    board: Board, scenario: Scenario, level: int, plan: MeasurementPlan
) -> Iterator[TraceRow]:
    """Loads and rests a board in turn, so that its thermal network can be identified.

    Frames arrive at a fixed period. Loaded, they keep the board busy: the most accurate topology
    with as many passes as fit. At rest it answers them with the fastest topology's single pass.

    Args:
        board: Any board.
        scenario: See `measurement_scenario`.
        level: VF level, at which the board should not be throttled.
        plan: Its settling time scales the trace: see `DWELLS`.

    Yields:
        A sample for every `SAMPLE_S`, or per frame if it takes longer.
    """
    scenario = measurement_scenario(scenario).with_values(
        {"policy": "10C", "tau": inf, "deadline_aware": False}  # every pass asked for is run
    )
    last = len(board.family.topologies) - 1
    board.reset(scenario, KEY)
    board.apply(Configuration(last, level, max_passes=1))
    board.infer(1)
    pass_s = float(board.infer(1)[0][W.LATENCY_MEAN_S])
    passes = int(np.clip(LONGEST_PERIOD_S // pass_s, 1, board.views))
    period_s = SLACK * passes * pass_s
    board.reset(scenario.with_values({"arrival_period_s": period_s}), KEY)
    together = max(round(SAMPLE_S / period_s), 1)
    loaded, resting = Configuration(last, level, passes), Configuration(0, level, 1)
    until_s = time_s = 0.0
    for turn, dwell in enumerate(DWELLS):
        configuration = resting if turn % 2 else loaded
        activity = board.family.topologies[configuration.topology].activity
        board.apply(configuration)
        until_s += dwell * plan.settling_s
        while time_s < until_s:
            answer, _ = board.infer(together)
            window = Window(answer)
            time_s = window.time_s
            yield TraceRow(
                time_s,
                window.temperature_c,
                activity * window.load,
                window.frequency_mean_hz / 1e6,
                board.telemetry().power_w,
            )
