"""Heat of the chip in a run: measured power, or the profile's power model, or a load."""

from collections.abc import Collection, Sequence

import numpy as np

from tvfs_gym.envs.boards.profile import BoardProfile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.twin.identification import ModelledLeakage, Trace
from tvfs_gym.experiments.twin.traces.record import Record, Run, Vector


def runs_of(records: Sequence[Record]) -> list[Run]:
    """The runs of all records; prints the records' notes and warnings."""
    for record in records:
        for note in record.notes:
            print(f"note: {note}")
        for warning in record.warnings:
            print(f"warning: {warning}")
    return [run for record in records for run in record.runs]


def reference_of(runs: Sequence[Run]) -> str | None:
    """The workload with the highest mean load, whose activity counts as 1, if any is named."""
    loads: dict[str, list[float]] = {}
    for run in runs:
        if run.workload is not None and run.load is not None:
            for name, load in zip(run.workload, run.load.tolist(), strict=True):
                if not name:
                    continue
                loads.setdefault(name, []).append(load)
    return max(loads, key=lambda name: float(np.mean(loads[name])), default=None)


def heated(
    run: Run, profile: BoardProfile, full_load_w: float | None = None, unknown: Collection[str] = ()
) -> Trace:
    """A run with its heat in watts: what was measured, else what load and clock make.

    Args:
        run: The run.
        profile: Its board: the power model and the activities of the workloads that it knows; the
            others count as 1.
        full_load_w: Heat at a load of 1, for a run that knows neither power nor clock.
        unknown: Workloads whose activity is to be found.

    Raises:
        InputError: The run has a load alone, and ``full_load_w`` is None.
    """
    if run.power_w is not None:
        return Trace(run.name, run.time_s, run.power_w, run.temperature_c)
    if run.load is None:
        raise InputError(f"{run.name} has neither power_w nor load.")
    if run.frequency_mhz is not None:
        return _modelled(run, profile, run.load, run.frequency_mhz / 1e3, unknown)
    if full_load_w is None:
        raise InputError(
            f"{run.name} has a load, not watts, and no clock: say with --full-load-w how much heat "
            "a load of 1 makes."
        )
    return Trace(run.name, run.time_s, full_load_w * run.load, run.temperature_c, absolute=False)


FASTEST = 1.5
"""Clock beyond which, in multiples of the highest VF level, it is given in other units."""


def _check_clock(run: Run, profile: BoardProfile, frequency_ghz: Vector) -> None:
    top_ghz = profile.operating_points[-1].frequency_hz / 1e9
    if frequency_ghz.max() > FASTEST * top_ghz:
        raise InputError(
            f"{run.name}, column frequency_mhz: {1e3 * frequency_ghz.max():g} is far beyond the "
            f"{1e3 * top_ghz:g} MHz of {profile.name}: give megahertz (the kernel's files have "
            "kilohertz), or name the board's profile with --board."
        )
    if frequency_ghz.max() > 1.01 * top_ghz:
        print(
            f"warning: {run.name}: {1e3 * frequency_ghz.max():g} MHz is above {profile.name}'s "
            "highest VF level, whose supply is taken for it."
        )


def _modelled(
    run: Run, profile: BoardProfile, load: Vector, frequency_ghz: Vector, unknown: Collection[str]
) -> Trace:
    """Load and clock through the profile's power model; leakage follows the temperature.

    Where a log tells big and LITTLE cores apart, the big cluster is clocked while it works alone.
    """
    _check_clock(run, profile, frequency_ghz)
    voltage_v = profile.voltages_v(frequency_ghz)
    power = profile.power

    def switching_w(threads: Vector) -> Vector:
        inputs = zip(frequency_ghz, voltage_v, threads, strict=True)
        return np.array([power.switching_w(*each) for each in inputs])

    clocked_w = switching_w(np.zeros(len(load)))
    busy_w = switching_w(profile.threads * load) - clocked_w
    rest_w = np.full(len(load), power.rest_w)
    if run.little_load is not None:
        clocked_w *= np.minimum(profile.threads * load, 1.0)
        rest_w += power.little_w * run.little_load
    names = np.array(run.workload if run.workload is not None else [""] * len(load))
    activity = np.array([power.activities.get(name, 1.0) for name in names])
    sought = np.isin(names, list(unknown))
    for name in sorted(set(names) - {"", *power.activities, *unknown}) if power.activities else ():
        print(f"note: {run.name}: the activity of {name} is taken as 1.")
    heat = clocked_w + rest_w + np.where(sought, 0.0, activity * busy_w)
    workloads = {name: np.where(names == name, busy_w, 0.0) for name in sorted(set(names[sought]))}
    leakage = ModelledLeakage(voltage_v, profile.leakage_w)
    return Trace(run.name, run.time_s, heat, run.temperature_c, leakage, workloads=workloads)
