"""The machine it runs on, as a board: `tvfs_gym.envs.boards.board.Board` over sysfs and TFLite."""

import math
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tvfs_gym.envs.boards.board import BoardInfo, Configuration, Telemetry, clock_bound_latency_s
from tvfs_gym.envs.boards.linux import LINUX
from tvfs_gym.envs.boards.linux.frames import frames_of
from tvfs_gym.envs.boards.linux.inference import LiveInference
from tvfs_gym.envs.boards.linux.levels import SAME_CLOCK
from tvfs_gym.envs.boards.linux.machine import Machine, Sample
from tvfs_gym.envs.boards.linux.meter import WindowMeter
from tvfs_gym.envs.boards.linux.options import LinuxOptions, options_of
from tvfs_gym.envs.boards.profile import BoardProfile, OperatingPoint, load_profile, relative_v2f
from tvfs_gym.envs.boards.window import F, W, WindowVector
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.governors import Governors
from tvfs_gym.envs.inference.outcomes import outcome_tables
from tvfs_gym.envs.inference.runtime import runtime
from tvfs_gym.envs.inference.topology import Family
from tvfs_gym.envs.scenario import Scenario, Sensing, Unit


@dataclass(frozen=True)
class BoardReport:
    """A window's report beyond `tvfs_gym.envs.boards.window.Window`.

    Attributes:
        control_s: From the end of the previous window to the choice of this one's configuration:
            the time that the controller took.
        late_action: True if that was more than L_c.
        late_actions: How many were since the episode began.
        missed_deadlines: Late frames since then.
        observation_age_s: How old the temperature was at the window's end.
        requested_level: The VF level that the controller asked for.
        limit_c: The hard limit.
        limit_engaged: True if it holds the slowest VF level now.
        limit_engagements: How often it engaged since the board was opened.
    """

    control_s: float
    late_action: bool
    late_actions: int
    missed_deadlines: int
    observation_age_s: float
    requested_level: int
    limit_c: float
    limit_engaged: bool
    limit_engagements: int


class LinuxBoard:
    """A real board; implements `tvfs_gym.envs.boards.board.Board`. Real time is its clock.

    From its making to `close` it holds the board's clock; see
    `tvfs_gym.envs.boards.linux.machine.Machine`.

    What cannot be measured is NaN: voltages that no profile knows, energy without a power sensor,
    right answers without labels.

    Attributes:
        profile: Profile that its options name; None if they name none.
        machine: Clock and sensors.
        labelled: True if its frames have labels.
        report: Report of the latest window; of none yet, before the episode's first.

    Args:
        family: The topologies.
        models: Folder of their files; None for where the family keeps them.
        frames: See `tvfs_gym.envs.boards.linux.frames.frames_of`.
        threads: CPU threads of a pass; None for one per CPU that runs inference.
        root: The sysfs tree.
        options: A `LinuxOptions`, or its values.

    Raises:
        InputError: An argument is impossible; or the board lacks what the options do not allow to
            be missing, and then the message says how to repair it.
        BoardError: Another process controls the board, or it fails.
    """

    def __init__(
        self,
        family: Family,
        models: Path | str | None = None,
        frames: Any = None,
        threads: int | None = None,
        root: Path | str = "/sys",
        options: LinuxOptions | dict[str, Any] | None = None,
    ) -> None:
        self.family = family
        self.views = outcome_tables(family).design.views
        self._options = options_of(options)
        named = self._options.profile
        self.profile = None if named is None else load_profile(named)
        self._source = frames_of(frames, family)
        self.labelled = self._source.labelled
        try:
            self.machine = Machine(Path(root), **self._options.of_machine)
        except BaseException:
            self._source.close()
            raise
        try:
            self.operating_points = operating_points(self.machine.levels_khz, self.profile)
            self._threads = threads or len(os.sched_getaffinity(0))
            self._v2f = relative_v2f(self.operating_points)
            self._scenario = Scenario()
            self._configuration = Configuration(0, 0)
            self._begin_episode()
            self._inference = LiveInference(
                family, None if models is None else Path(models), self._threads, self._watch
            )
            self.nominal_latency_s = (
                self._options.nominal_latency_s or self._measure_nominal_latency()
            )
            self.pass_latency_s = clock_bound_latency_s(
                family, self.operating_points, self.nominal_latency_s
            )
            self._compile()
        except BaseException:
            self.close()
            raise

    @property
    def info(self) -> BoardInfo:
        """Identity of the board."""
        thermometer = self.machine.plan.thermometer
        shutdowns_c = [s.shutdown_c for s in thermometer.protecting if s.shutdown_c is not None]
        passive_c = {c for sensor in thermometer.sensors for c in sensor.passive_c}
        return BoardInfo(
            name=LINUX,
            description=_description(),
            real=True,
            threads=self._threads,
            measures_power=self.machine.measures_power,
            critical_c=min(shutdowns_c, default=None),
            passive_c=tuple(sorted(passive_c)),
            runtime=runtime(),
        )

    def _compile(self) -> None:
        """Runs what numba compiles once, before real time counts."""
        rows = np.ones((1, len(F)))
        WindowMeter(self._sample, 0, 0.0, self._v2f).window(rows, self._began_s, 0, self._scenario)

    def _measure_nominal_latency(self) -> float:
        best = outcome_tables(self.family).design.most_accurate
        self.machine.request(self.machine.level_count - 1)
        latency_s = self._inference.nominal_latency_s(best)
        self.machine.request(0)
        return latency_s

    def _begin_episode(self) -> None:
        self._began_s = self._ended_s = self._applied_s = time.monotonic()
        self._next_arrival_s = self._began_s
        self._busy = False
        self._meter: WindowMeter | None = None
        self._told: Sample | None = None
        self._missed = self._late_actions = 0
        self._sample = self.machine.look()
        self._hottest_c = self._sample.temperature_c
        self.report = self._report(0.0, late_action=False)

    def reset(self, scenario: Scenario, key: tuple[int, int]) -> Telemetry:
        """Waits until the board has cooled at its slowest VF level, and starts a new episode.

        Raises:
            InputError: The scenario asks for what nobody can choose on a real board, or its T_max
                lies above the hard limit.
            BoardError: The board does not cool down in time, or is lost.
        """
        self.check(scenario)
        self._scenario = scenario
        self._configuration = Configuration(0, 0)
        options = self._options
        self.machine.cool_down(
            scenario.start_temperature_c,
            options.cooldown_limit_s,
            options.settle_s,
            options.settle_c,
        )
        self._source.start(key)
        self._inference.follow(scenario)
        self._begin_episode()
        return self.telemetry()

    def suited(self, scenario: Scenario) -> Scenario:
        """The scenario, with the hard limit for T_max where nobody chose one and it is lower.

        Raises:
            InputError: See `reset`.
        """
        limit_c = self.machine.limit.limit_c
        if "t_max_c" not in scenario.model_fields_set and scenario.t_max_c > limit_c:
            scenario = scenario.with_values({"t_max_c": limit_c})
        self.check(scenario)
        return scenario

    def check(self, scenario: Scenario) -> None:
        """Refuses a scenario that cannot be had on this board.

        Raises:
            InputError: See `reset`.
        """
        names = "cooling", "throttling", "governors", "unit", "sensing", "background_load"
        unset = None, Governors(), Unit(), Sensing(), 0.0
        chosen = [name for name in names if getattr(scenario, name) not in unset]
        chosen += [
            name
            for change in scenario.changes
            for name in ("ambient_c", "cooling", "background_load")
            if getattr(change, name) is not None
        ]
        if chosen:
            raise InputError(f"{chosen[0]} cannot be chosen on a real board: leave it out.")
        limit_c = self.machine.limit.limit_c
        if scenario.t_max_c > limit_c:
            raise InputError(
                f"t_max_c = {scenario.t_max_c} must not lie above the board's hard limit of "
                f"{limit_c} degC: give --t-max-c {limit_c:g} or less, or another limit with "
                f"--board-option limit_c=DEGREES."
            )

    def apply(self, configuration: Configuration) -> None:
        """Chooses the configuration of the frames to come, and sets the clock.

        Raises:
            InputError: The board has no such topology, VF level or number of passes.
            BoardError: The kernel refuses.
        """
        wanted = configuration.max_passes
        topologies, levels = len(self.family.topologies), len(self.operating_points)
        if not (
            0 <= configuration.topology < topologies
            and 0 <= configuration.vf_level < levels
            and (wanted is None or wanted >= 1)
        ):
            raise InputError(
                f"{configuration} is not among {topologies} topologies and {levels} VF levels, or "
                f"leaves no pass."
            )
        self._applied_s = time.monotonic()
        self._configuration = configuration
        self.machine.request(configuration.vf_level)

    def infer(self, frames: int) -> tuple[WindowVector, NDArray[np.float64]]:
        """Answers the next frames of the stream, in real time.

        A frame's latency counts from when the board turns to it, decoded, or from its arrival.

        Raises:
            InputError: The number of frames is not positive, or a picture cannot be read.
            BoardError: The board is lost; it was set to its slowest VF level.
        """
        if frames < 1:
            raise InputError(f"the number of frames must be at least 1, not {frames}.")
        present = self._scenario.at(time.monotonic() - self._began_s)
        self._inference.follow(present)
        level_before = self._sample.vf_level
        self._meter = WindowMeter(self._look(), level_before, present.t_max_c, self._v2f)
        rows = np.array([self._answer(present) for _ in range(frames)])
        self._look(busy=True)  # the CPUs have computed until now
        window = self._meter.window(rows, self._began_s, self._configuration.topology, present)
        self._meter = None
        self.report = self._report_of(window)
        later = self._scenario.at(window[W.TIME_S])
        window[W.LATENCY_CONSTRAINT_S] = later.latency_constraint_s
        self._ended_s = self._applied_s = time.monotonic()
        return window, rows

    def _answer(self, scenario: Scenario) -> tuple[float, ...]:
        """Answers one frame; returns its row, columns `F`."""
        image, label, start_s = self._await_frame(scenario.arrival_period_s)
        topology, wanted = self._configuration.topology, self._configuration.max_passes
        most = min(wanted or self.views, scenario.max_passes, self.views)
        self._busy = True
        self._hottest_c = self._sample.temperature_c
        waited_s = time.monotonic() - start_s
        answer = self._inference.answer(image, topology, self._sample.vf_level, most, waited_s)
        latency_s = time.monotonic() - start_s
        self._busy = False
        correct = math.nan if label is None else float(answer.label == label)
        on_time = float(latency_s <= scenario.latency_constraint_s)
        known = not math.isnan(self._hottest_c)
        cool = float(self._hottest_c <= scenario.t_max_c) if known else math.nan
        return latency_s, answer.passes, answer.confidence, correct, on_time, cool, math.nan

    def _await_frame(self, period_s: float) -> tuple[Image.Image, int | None, float]:
        """Takes the next frame: picture, label, and the time from which its latency counts.

        A picture is decoded before it is due, but what a live source shows is not there before.
        """
        frame = None if self._source.live else self._source.next()
        arrived_s = self._next_arrival_s
        while period_s > 0 and (left_s := arrived_s - time.monotonic()) > 0:
            time.sleep(min(left_s, max(self._options.sample_period_s, 1e-3)))
            self._watch()
        self._next_arrival_s += period_s
        frame = frame or self._source.next()
        return frame.image, frame.label, arrived_s if period_s > 0 else time.monotonic()

    def telemetry(self) -> Telemetry:
        """Reads the sensors.

        Raises:
            BoardError: The board is lost; it was set to its slowest VF level.
        """
        before, now = self._told, self._look()
        self._told = now
        power_w = None
        if self.machine.measures_power and before is not None and now.time_s > before.time_s:
            power_w = (now.energy_j - before.energy_j) / (now.time_s - before.time_s)
        return Telemetry(
            time_s=now.time_s - self._began_s,
            temperature_c=now.temperature_c,
            frequency_hz=now.frequency_hz,
            vf_level=now.vf_level,
            cap_level=now.cap_level,
            power_w=power_w,
        )

    def close(self) -> None:
        """Leaves the board as it was found; a second time does nothing.

        Raises:
            BoardError: Something could not be restored.
        """
        self._source.close()
        self.machine.close()

    def _look(self, busy: bool = False) -> Sample:
        """Takes a sample, for the window as well if there is one."""
        self._sample = self.machine.look(busy or self._busy)
        self._hottest_c = max(self._hottest_c, self._sample.temperature_c)
        if self._meter is not None:
            self._meter.add(self._sample, self.machine.requested)
        return self._sample

    def _watch(self) -> None:
        """Takes a sample if it is time."""
        if time.monotonic() - self._sample.time_s >= self._options.sample_period_s:
            self._look()

    def _report_of(self, window: WindowVector) -> BoardReport:
        control_s = self._applied_s - self._ended_s
        late = bool(control_s > window[W.LATENCY_CONSTRAINT_S])
        self._missed += int(window[W.LATE_FRAMES])
        self._late_actions += late
        return self._report(control_s, late)

    def _report(self, control_s: float, late_action: bool) -> BoardReport:
        limit = self.machine.limit
        return BoardReport(
            control_s=control_s,
            late_action=late_action,
            late_actions=self._late_actions,
            missed_deadlines=self._missed,
            observation_age_s=self._sample.age_s + time.monotonic() - self._sample.time_s,
            requested_level=self.machine.requested,
            limit_c=limit.limit_c,
            limit_engaged=limit.engaged,
            limit_engagements=limit.engagements,
        )


def _description() -> str:
    """Name that the machine gives itself, and its kernel."""
    try:
        model = Path("/proc/device-tree/model").read_text().strip("\0\n ")
    except OSError:
        model = platform.node()
    return f"{model}, {platform.machine()}, {platform.system()} {platform.release()}"


def operating_points(
    levels_khz: Sequence[int], profile: BoardProfile | None
) -> tuple[OperatingPoint, ...]:
    """VF levels with the voltages that a profile knows; NaN where nobody knows.

    Without levels there is one point, whose clock is the kernel's affair.
    """
    known = () if profile is None else profile.operating_points
    points = []
    for frequency_hz in [1e3 * level for level in levels_khz] or [math.nan]:
        voltages_v = [
            point.voltage_v
            for point in known
            if abs(point.frequency_hz / frequency_hz - 1) <= SAME_CLOCK
        ]
        voltage_v = voltages_v[0] if voltages_v else math.nan
        # A board's table, unlike a profile, may hold NaN.
        points.append(
            OperatingPoint.model_construct(frequency_hz=frequency_hz, voltage_v=voltage_v)
        )
    return tuple(points)
