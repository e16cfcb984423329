"""``tvfs-gym replay``: plays the log of a run again, as an environment.

Without a controller it lists the logged episodes. With one it shows, step by step, what that
controller would have chosen from what the sensors said, beside what was done. What its choices
would have come to a log cannot tell; a twin can, see ``tvfs-gym identify``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich import box
from rich.markup import escape
from rich.table import Table

from tvfs_gym.baselines.characterisation.characterisation import characterise
from tvfs_gym.baselines.controller import Design
from tvfs_gym.envs.boards.board import Telemetry
from tvfs_gym.envs.boards.profile import OperatingPoint
from tvfs_gym.envs.boards.replay import EpisodeLog, ReplayBoard
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.replay_env import ReplayEnv
from tvfs_gym.envs.scenario import Scenario, scenario_of
from tvfs_gym.experiments.board.boards import info_of
from tvfs_gym.experiments.controllers import policy_named
from tvfs_gym.experiments.results.cells import EPISODES, STEPS, read_cells
from tvfs_gym.experiments.results.config import LoggedPoint, RunConfig, read_config
from tvfs_gym.experiments.results.folder import checked_output
from tvfs_gym.experiments.results.frames import write_parquet
from tvfs_gym.experiments.results.tables import print_fitting


@dataclass(frozen=True)
class Logged:
    """An episode of a log.

    Attributes:
        scenario: Name of its scenario.
        controller: Its controller.
        seed: Its seed.
        log: Its log.
    """

    scenario: str
    controller: str
    seed: int
    log: EpisodeLog


class Log:
    """The log of a run, read from its folder.

    Attributes:
        config: The run's configuration.
        episodes: Whole ones.

    Args:
        folder: Output of ``tvfs-gym run``.

    Raises:
        InputError: It is not the folder of a run.
    """

    def __init__(self, folder: Path) -> None:
        self.config, read = read_config(folder, RunConfig)
        steps = read_cells(folder, STEPS, self.config)
        if "requested_level" not in steps.columns:
            raise InputError(
                f"{folder} does not say what was asked of the board: name a folder that "
                "tvfs-gym run wrote."
            )
        episodes = read_cells(folder, EPISODES, self.config)
        self._family, self._read = read.topology_family, read
        (self._profile,) = read.boards.values()
        choices = len(self._family.topologies), len(read.operating_points), read.views + 1
        try:
            self.episodes = [_logged(steps, row) for row in episodes.iter_rows(named=True)]
        except (pl.exceptions.PolarsError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{folder} holds no log of tvfs-gym run: {str(error).splitlines()[0]}."
            ) from error
        for episode in self.episodes:
            _check(episode, choices, folder)

    def env(self, logged: Logged) -> ReplayEnv:
        """The environment that plays one episode."""
        board = ReplayBoard(
            info_of(self.config),
            [logged.log],
            tuple(map(_operating_point, self._read.operating_points)),
            self._family,
            self._read.views,
            self._read.nominal_latency_s,
            self._profile,
        )
        return ReplayEnv(
            board,
            scenario=self._scenario(logged.scenario),
            frames_per_step=self._read.frames_per_step,
            choose_passes=True,
        )

    def design(self, env: ReplayEnv) -> Design:
        """Knowledge of the run's controllers; a twin is measured anew."""
        content = self._read.characterisation
        if content is not None:
            return Design.of(env, content.of(env.board))
        if self._read.real or self._profile is None:
            return Design.of(env, None)
        bench = Scenario(t_max_c=env.scenario.t_max_c, throttling=env.scenario.throttling)
        return Design.of(env, characterise(TwinBoard(self._profile, self._family), bench))

    def _scenario(self, name: str) -> Scenario:
        values = {**self.config["scenarios"][name]}
        values.pop("board")
        return scenario_of(values)


def run(folder: Path, controller: str | None, output: Path | None) -> None:
    """Lists a log's episodes, or plays them to a controller.

    Args:
        folder: Output of ``tvfs-gym run``.
        controller: As `tvfs_gym.experiments.controllers` names them; None to list.
        output: Parquet file for a row per step: what was done, and what the controller chose.

    Raises:
        InputError: The folder holds no log, or the controller cannot be had.
    """
    if output is not None:
        checked_output(output, overwrite=True)
    log = Log(folder)
    if controller is None:
        _list(log)
        return
    decisions = pl.DataFrame(
        [row for episode in log.episodes for row in _play(log, episode, controller)]
    )
    _compare(decisions, controller)
    if output is not None:
        write_parquet(output, decisions)


def _play(log: Log, logged: Logged, controller: str) -> Iterator[dict[str, Any]]:
    """A controller's choices in an episode, a row per step."""
    env = log.env(logged)
    policy = policy_named(controller, log.design(env))
    observation, _ = env.reset(seed=0)
    state, start = None, np.ones(1, bool)
    for topology, level, passes in logged.log.requested.tolist():
        choice, state = policy.choose(observation[np.newaxis], state, start)
        action = env.actions.batch(*choice)[0]
        start = np.zeros(1, bool)
        chosen = env.configuration(action)
        observation, _, _, _, info = env.step(action)
        window = Window(info["window"])
        yield {
            "scenario": logged.scenario,
            "controller": logged.controller,
            "seed": logged.seed,
            "time_s": window.time_s,
            "temperature_c": window.temperature_c,
            "latency_mean_s": window.latency_mean_s,
            "topology": topology,
            "vf_level": level,
            "max_passes": passes,
            "chosen_topology": chosen.topology,
            "chosen_vf_level": chosen.vf_level,
            "chosen_max_passes": chosen.max_passes,
            "matched": info["matched"],
            "on_log": info["on_log"],
        }


def _logged(steps: pl.DataFrame, row: dict[str, Any]) -> Logged:
    keys = {key: row[key] for key in ("scenario", "controller", "seed")}
    own = steps.filter(**keys).sort("time_s")
    start = Telemetry(
        time_s=0.0,
        temperature_c=row["start_temperature_c"],
        frequency_hz=row["start_frequency_hz"],
        vf_level=row["start_vf_level"],
        cap_level=row["start_cap_level"],
        power_w=None,
    )
    requested = own.select("topology", "requested_level", "requested_passes").to_numpy()
    windows = own.select(Window.fields).to_numpy().astype(np.float64)
    return Logged(**keys, log=EpisodeLog(start, windows, requested.astype(np.int64)))


def _check(logged: Logged, choices: tuple[int, ...], folder: Path) -> None:
    """Checks that an episode has steps, and asked for what there is.

    Raises:
        InputError: It has not.
    """
    requested, window = logged.log.requested, Window(logged.log.windows)
    wrong = (requested < 0) | (requested >= choices)
    levels = np.stack([window.vf_level, window.cap_level])
    if not len(requested) or wrong.any() or not (np.diff(window.time_s) > 0).all():
        raise InputError(
            f"{folder} logged what its board does not have, or no course of time, in the episode "
            f"of {logged.controller}, seed {logged.seed}: name another."
        )
    if ((levels < 0) | (levels >= choices[1])).any():
        raise InputError(f"{folder} logged VF levels that its board does not have: name another.")


def _operating_point(logged: LoggedPoint) -> OperatingPoint:
    """A VF level as logged; what nobody knew of it is NaN."""
    frequency_hz, voltage_v = (
        np.nan if value is None else value for value in (logged.frequency_hz, logged.voltage_v)
    )
    return OperatingPoint.model_construct(frequency_hz=frequency_hz, voltage_v=voltage_v)


def _list(log: Log) -> None:
    table = Table(box=box.SIMPLE, caption=escape(f"logged on: {log.config['description']}"))
    for heading in ("scenario", "controller", "seed", "steps", "s", "right and on time, %"):
        table.add_column(
            heading, justify="left" if heading in ("scenario", "controller") else "right"
        )
    for episode in log.episodes:
        windows = Window(episode.log.windows)
        right = 100 * np.sum(windows.on_time_correct_frames) / episode.log.frames
        told = "–" if np.isnan(right) else f"{right:.1f}"
        steps, end_s = len(episode.log.windows), windows.time_s[-1]
        table.add_row(
            escape(episode.scenario),
            escape(episode.controller),
            str(episode.seed),
            str(steps),
            f"{end_s:.1f}",
            told,
        )
    print_fitting(table)


def _compare(decisions: pl.DataFrame, controller: str) -> None:
    table = Table(
        box=box.SIMPLE,
        caption="share of the steps in which the controller chose as logged, from what was logged",
    )
    headings = (
        "logged", "seed", "steps", "all as logged, %", "topology, %", "VF level, %",
        "VF levels higher, mean", "first other choice, s",
    )  # fmt: skip
    table.title = escape(f"what {controller} would have chosen")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "logged" else "right")
    for cell in decisions.partition_by("scenario", "controller", "seed", maintain_order=True):
        column = {name: cell[name].to_numpy() for name in cell.columns}
        same = [column["matched"]]
        same += [column[f"chosen_{name}"] == column[name] for name in ("topology", "vf_level")]
        higher = column["chosen_vf_level"] - column["vf_level"]
        left_s = column["time_s"][~column["matched"]]
        table.add_row(
            escape(f"{column['scenario'][0]}: {column['controller'][0]}"),
            str(column["seed"][0]),
            str(cell.height),
            *(f"{100 * np.mean(which):.1f}" for which in same),
            f"{np.mean(higher):+.1f}",
            f"{left_s[0]:.1f}" if len(left_s) else "–",
        )
    print_fitting(table)
