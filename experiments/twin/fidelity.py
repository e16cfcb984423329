"""``tvfs-gym dev fidelity``: refits the shipped profiles' coolings and shows their errors."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path

import jinja2
import numpy as np
import polars as pl
import tomlkit

from tvfs_gym.envs.boards.profile import BoardProfile, load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.tables import Table, read_toml
from tvfs_gym.experiments.results.folder import installed_versions
from tvfs_gym.experiments.results.tables import markdown_table, replace_section
from tvfs_gym.experiments.twin.errors import Error, Samples, error_of, errors, predictions, window_s
from tvfs_gym.experiments.twin.figures import measured_against_predicted
from tvfs_gym.experiments.twin.identification import ThermalModel, Trace, responses
from tvfs_gym.experiments.twin.identify import (
    Candidate,
    best_of,
    candidates,
    cooling_of,
    traces_to_fit,
    with_errors,
)
from tvfs_gym.experiments.twin.traces.heat import heated
from tvfs_gym.experiments.twin.traces.record import read_record

CATALOGUE = files("tvfs_gym.experiments.twin") / "fidelity.toml"
TEMPLATE = files("tvfs_gym.experiments.twin") / "twin.md"

FIT_HEADER = ("board, cooling", "nodes", "time constants, s", "gains, K/W", "RMSE, °C")
HELD_OUT_HEADER = (
    "board, cooling",
    "held out",
    "runs",
    "known, s",
    "RMSE, °C",
    "MAE, °C",
    "worst, °C",
    "first order RMSE, °C",
    "constant RMSE, °C",
)
BRIEF_HEADER = ("board, cooling", "held out", "RMSE, °C", "first order, °C", "constant, °C")
ERROR_COLUMNS = (
    "model_rmse_c",
    "model_mae_c",
    "model_worst_c",
    "first_order_rmse_c",
    "constant_rmse_c",
)
TRANSFER_HEADER = ("transfer", "bias, °C", "RMSE, °C", "worst, °C")

ROOM_C = 25.0
"""Ambient temperature that a blind transfer assumes."""


class Source(Table):
    """Where a folder of traces comes from."""

    folder: str
    source: str
    licence: str


class HeldOut(Table):
    """Runs that a cooling was not fitted to.

    Attributes:
        title: Title of the section.
        traces: Patterns of files.
        from_s: Only what lies behind this time counts, and what lies before it is known.
    """

    title: str
    traces: tuple[str, ...]
    from_s: float | None = None


class Fit(Table):
    """A cooling of a shipped profile, and what it is fitted to.

    Attributes:
        board: Profile.
        cooling: Its name in the profile.
        note: Note on the measurement.
        traces: Patterns of files.
        until_s: Only what lies before this time is used.
        full_load_w: Heat at a load of 1, for runs without power and clock.
        held_out: Runs that show how good it is.
    """

    board: str
    cooling: str
    note: str
    traces: tuple[str, ...]
    until_s: float = math.inf
    full_load_w: float | None = None
    held_out: tuple[HeldOut, ...]


class Transfer(Table):
    """A run of another board or cooling, predicted by a fitted network from its heat alone."""

    title: str
    board: str
    cooling: str
    traces: tuple[str, ...]
    full_load_w: float | None = None


class Catalogue(Table):
    """All of it."""

    sources: tuple[Source, ...]
    fits: tuple[Fit, ...]
    transfers: tuple[Transfer, ...]


@dataclass(frozen=True)
class Result:
    """A fitted cooling and its errors on what it was not fitted to.

    Attributes:
        fit: Settings of the fit.
        chosen: Result of the fit.
        first: The best single node, for comparison.
        held_out: By title: errors of the model and the naive predictors, one of each per run.
        known_s: By title: length of the beginning whose temperatures are known, s.
        shown: The run in the middle of the first held-out set, and which samples of it are known.
    """

    fit: Fit
    chosen: Candidate
    first: ThermalModel
    held_out: dict[str, list[dict[str, Error]]]
    known_s: dict[str, float]
    shown: tuple[Trace, Samples | None]

    @property
    def model(self) -> ThermalModel:
        """The network that came out."""
        return self.chosen.model


def run(traces: Path, publish: Path | None) -> None:
    """Refits, prints the page, and writes it into a checkout with figures and profiles.

    Args:
        traces: Folder of the measured traces.
        publish: Checkout whose docs and profiles take the results over.

    Raises:
        InputError: A trace is missing or cannot be used.
    """
    catalogue = load_catalogue()
    results = [refitted(fit, traces) for fit in catalogue.fits]
    models = {(result.fit.board, result.fit.cooling): result.model for result in results}
    transfers = {
        transfer.title: transferred(transfer, models[transfer.board, transfer.cooling], traces)
        for transfer in catalogue.transfers
    }
    page = _page(catalogue, results, transfers)
    print(page)
    if publish is not None:
        (publish / "docs" / "twin.md").write_text(page, encoding="utf-8")
        replace_section(publish / "README.md", "twin", _brief(results))
        _table(results).write_csv(publish / "docs" / "twin_errors.csv", float_precision=4)
        for result in results:
            _draw(result, publish / "docs" / "figures")
            _update_profile(publish, result)


def load_catalogue() -> Catalogue:
    """The catalogue that ships with the package."""
    return read_toml(CATALOGUE, Catalogue)


def refitted(fit: Fit, folder: Path) -> Result:
    """Fits a cooling and measures its errors on what it was not fitted to.

    Raises:
        InputError: A trace is missing or cannot be used.
    """
    profile = load_profile(fit.board)
    used = _files(folder, fit.traces)
    runs = [run.until(fit.until_s) for file in used for run in read_record(file).runs]
    found = candidates(traces_to_fit(runs, profile, fit.full_load_w))
    chosen, first = best_of(found), found[0].model
    model = chosen.model
    power = profile.power.model_copy(update={"activities": model.activities})
    board = profile.model_copy(update={"power": power})
    held_out, middle_runs = {}, []
    known_s: dict[str, float] = {}
    for held in fit.held_out:
        skip = used if held.from_s is None else []
        others = [file for file in _files(folder, held.traces) if file not in skip]
        judged = []
        for trace in _heated(others, board, fit.full_load_w):
            known = None if held.from_s is None else trace.time_s < held.from_s
            judged.append((errors(model, trace, known, first), (trace, known)))
            known_s.setdefault(held.title, held.from_s or window_s(model, trace))
        judged.sort(key=lambda pair: pair[0]["model"].rmse_c)
        held_out[held.title] = [error for error, _ in judged]
        middle_runs.append(judged[len(judged) // 2][1])
    return Result(fit, chosen, first, held_out, known_s, middle_runs[0])


def transferred(transfer: Transfer, model: ThermalModel, folder: Path) -> Error:
    """Error of a prediction that knows the run's heat alone.

    The board is taken to stand in a room of `ROOM_C`, settled under the run's first heat.
    """
    profile = load_profile(transfer.board)
    (run,) = _heated(_files(folder, transfer.traces), profile, transfer.full_load_w)
    rest_w = 0.0 if run.absolute else profile.power.rest_w
    heat = run.heat_at(run.temperature_c) + rest_w
    above = replace(run, heat=heat - heat[0], leakage=None)
    predicted_c = (
        ROOM_C
        + model.steady_gain * heat[0]
        + responses(above, model.time_constants_s) @ model.gains
    )
    return error_of(predicted_c, run, np.ones(len(predicted_c), bool))


def _files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    found = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    if not found:
        raise InputError(f"no trace in {folder} matches {', '.join(patterns)}.")
    return found


def _heated(paths: Sequence[Path], profile: BoardProfile, full_load_w: float | None) -> list[Trace]:
    return [heated(run, profile, full_load_w) for path in paths for run in read_record(path).runs]


def _table(results: Sequence[Result]) -> pl.DataFrame:
    """One row per cooling and held-out set: means over its runs."""
    rows = []
    for result in results:
        for title, found in result.held_out.items():
            mean = {
                f"{predictor.replace(' ', '_')}_{field}": float(
                    np.mean([asdict(run[predictor])[field] for run in found])
                )
                for predictor in found[0]
                for field in ("rmse_c", "mae_c", "worst_c")
            }
            rows.append(
                {
                    "board": result.fit.board,
                    "cooling": result.fit.cooling,
                    "nodes": result.model.order,
                    "held_out": title,
                    "runs": len(found),
                    "known_s": result.known_s[title],
                    **mean,
                }
            )
    return pl.DataFrame(rows)


def _page(catalogue: Catalogue, results: Sequence[Result], transfers: Mapping[str, Error]) -> str:
    """The page "How good is the twin?"."""
    fits = [
        [
            f"{result.fit.board}, {result.fit.cooling}",
            str(result.model.order),
            with_errors(result.model.time_constants_s, result.model.time_constants_se_s),
            with_errors(result.model.gains, result.model.gains_se),
            f"{result.model.rmse_c:.2f}",
        ]
        for result in results
    ]
    held_out = [
        [
            f"{row['board']}, {row['cooling']}",
            row["held_out"],
            str(row["runs"]),
            f"{row['known_s']:.0f}",
            *(f"{row[name]:.2f}" for name in ERROR_COLUMNS),
        ]
        for row in _table(results).iter_rows(named=True)
    ]
    blind = [
        [title, f"{error.bias_c:+.1f}", f"{error.rmse_c:.1f}", f"{error.worst_c:.1f}"]
        for title, error in transfers.items()
    ]
    runs = next(iter(results[0].held_out.values()))
    return jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), keep_trailing_newline=True).render(
        fits=markdown_table(FIT_HEADER, fits),
        held_out=markdown_table(HELD_OUT_HEADER, held_out),
        transfers=markdown_table(TRANSFER_HEADER, blind),
        figures=[(result.fit, _figure(result)) for result in results],
        beaten=_beaten(results),
        xu3=sorted(run["model"].rmse_c for run in runs),
        room_c=ROOM_C,
        sources=catalogue.sources,
        versions=", ".join(f"{name} {version}" for name, version in installed_versions().items()),
    )


def _beaten(results: Sequence[Result]) -> list[str]:
    """Parts that a naive predictor predicts better."""
    return [
        f"{row['board']}, {row['cooling']}, {row['held_out']} ({name.replace('_', ' ')}: "
        f"{row[f'{name}_rmse_c']:.2f} against {row['model_rmse_c']:.2f} °C)"
        for row in _table(results).iter_rows(named=True)
        for name in ("constant", "first_order")
        if row[f"{name}_rmse_c"] < row["model_rmse_c"]
    ]


def _brief(results: Sequence[Result]) -> str:
    """One row per board: its first cooling, on its first held-out set."""
    first = {row["board"]: row for row in reversed(_table(results).to_dicts())}
    rows = [
        [
            f"{row['board']}, {row['cooling']}",
            row["held_out"],
            f"{row['model_rmse_c']:.2f}",
            f"{row['first_order_rmse_c']:.2f}",
            f"{row['constant_rmse_c']:.2f}",
        ]
        for row in reversed(first.values())
    ]
    return markdown_table(BRIEF_HEADER, rows)


def _figure(result: Result) -> str:
    return f"twin_{result.fit.board}_{result.fit.cooling}.png"


def _draw(result: Result, folder: Path) -> None:
    trace, known = result.shown
    working = trace.working(result.model.activities)
    measured_against_predicted(
        working, *predictions(result.model, working, known, result.first), folder / _figure(result)
    )


def _update_profile(checkout: Path, result: Result) -> None:
    """Writes the fitted section into the profile's file, whose comments stay."""
    path = checkout / "envs" / "boards" / "profiles" / f"{result.fit.board}.toml"
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    fitted = cooling_of(result.chosen, ["the traces named in experiments/twin/fidelity.toml"])
    section = document["cooling"][result.fit.cooling]
    section["source"] = f"{fitted.source}; {result.fit.note}"
    section["resistances_k_w"] = list(fitted.resistances_k_w)
    section["capacitances_j_k"] = list(fitted.capacitances_j_k)
    section["resistance_log_se"] = fitted.resistance_log_se
    section["capacitance_log_se"] = fitted.capacitance_log_se
    if result.model.activities:
        activities = tomlkit.inline_table()
        activities.update(
            {name: round(activity, 3) for name, activity in result.model.activities.items()}
        )
        document["power"]["activities"] = activities
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
