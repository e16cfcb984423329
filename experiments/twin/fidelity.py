"""``tvfs-gym dev fidelity``: refits the shipped profiles' coolings and shows their errors."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import polars as pl
import tomlkit

from tvfs_gym.envs.boards.profile import Cooling, load_profile, profile_names
from tvfs_gym.experiments.results.folder import installed_versions
from tvfs_gym.experiments.results.tables import markdown_table, replace_section
from tvfs_gym.experiments.twin.adaptation import (
    ROOM_C,
    Adapted,
    adapted,
    adapted_cooling,
    blind_error,
    blind_prediction,
    scaled,
)
from tvfs_gym.experiments.twin.admission import WORST_C
from tvfs_gym.experiments.twin.catalogue import (
    ANOTHER_SESSION,
    Adaptation,
    Catalogue,
    Transfer,
    load_catalogue,
)
from tvfs_gym.experiments.twin.errors import WINDOW_SAMPLES, Error, predictions
from tvfs_gym.experiments.twin.figures import measured_against_predicted
from tvfs_gym.experiments.twin.identification import ThermalModel, Trace
from tvfs_gym.experiments.twin.identify import cooling_of, with_errors
from tvfs_gym.experiments.twin.refit import Result, files_of_catalogue, heated_runs, refitted
from tvfs_gym.experiments.twin.trials import Trial, shipping, trials_table, tried
from tvfs_gym.experiments.twin.trust import DOUBTFUL

TEMPLATE = files("tvfs_gym.experiments.twin") / "twin.md"

FIT_HEADER = ("board, cooling", "nodes", "time constants, s", "gains, K/W", "RMSE, °C")
HELD_OUT_HEADER = (
    "board, cooling",
    "held out",
    "session",
    "runs",
    "known, s",
    "RMSE, °C",
    "MAE, °C",
    "worst, °C",
    "first order RMSE, °C",
    "constant RMSE, °C",
)
BRIEF_HEADER = (
    "board, cooling",
    "held out",
    "session",
    "RMSE, °C",
    "first order, °C",
    "constant, °C",
)
ERROR_COLUMNS = (
    "model_rmse_c",
    "model_mae_c",
    "model_worst_c",
    "first_order_rmse_c",
    "constant_rmse_c",
)
NAIVE_COLUMNS = tuple(
    f"{name}_{field}"
    for name in ("first_order", "constant")
    for field in ("rmse_c", "mae_c", "worst_c")
)
BRIEF_COLUMNS = ("model_rmse_c", "first_order_rmse_c", "constant_rmse_c")
LOGS = "the XU4 logs, blind"
CATALOGUE_NAME = "the traces named in experiments/twin/fidelity.toml"
TRANSFER_HEADER = ("transfer", "bias, °C", "RMSE, °C", "worst, °C")
ADAPTED_HEADER = (
    "log",
    "K/W by itself",
    "before: RMSE, °C",
    "bias, °C",
    "after: RMSE, °C",
    "bias, °C",
)

OTHER_ROOMS_C = (20.0, 30.0)
"""Rooms that an adaptation is repeated for, to show what assuming `ROOM_C` is worth."""


@dataclass(frozen=True)
class Takeover:
    """A cooling taken over from another one, and the logs that its resistance is fitted to.

    Attributes:
        adaptation: Settings.
        traces: The logs.
        result: The adapted network in a room of `ROOM_C`.
        elsewhere_k_w: Total resistance in other rooms, by ambient temperature.
    """

    adaptation: Adaptation
    traces: tuple[Trace, ...]
    result: Adapted
    elsewhere_k_w: Mapping[float, float]


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
    trials = [tried(fit, traces) for fit in catalogue.candidates]
    models = {(result.fit.board, result.fit.cooling): result.model for result in results}
    takeovers = [
        taken_over(adaptation, models[adaptation.board, adaptation.origin], traces)
        for adaptation in catalogue.adaptations
    ]
    models |= {
        (takeover.adaptation.board, takeover.adaptation.cooling): takeover.result.model
        for takeover in takeovers
    }
    transfers = {
        transfer.title: transferred(transfer, models[transfer.board, transfer.cooling], traces)
        for transfer in catalogue.transfers
    }
    page = _page(catalogue, results, trials, takeovers, transfers)
    print(page)
    if publish is not None:
        figures = publish / "docs" / "figures"
        (publish / "docs" / "twin.md").write_text(page, encoding="utf-8")
        admitted = [trial.result for trial in trials if trial in shipping(trials)]
        replace_section(publish / "README.md", "twin", _brief([*results, *admitted], takeovers))
        everything = [*results, *(trial.result for trial in trials)]
        errors_csv = publish / "experiments" / "twin" / "twin_errors.csv"
        _table(everything, takeovers).write_csv(errors_csv, float_precision=4)
        for takeover in takeovers:
            _draw_takeover(takeover, figures)
            adaptation = takeover.adaptation
            _update_profile(
                publish,
                adaptation.board,
                adaptation.cooling,
                adapted_cooling(takeover.result, adaptation.origin, adaptation.note),
            )
        for result in everything:
            _draw(result, figures)
        for result in (*results, *admitted):
            if result.fit.board not in profile_names():
                print(f"{result.fit.board} is admitted: its draft may move to the profiles.")
                continue
            found = cooling_of(result.chosen, [CATALOGUE_NAME])
            found = found.model_copy(update={"source": f"{found.source}; {result.fit.note}"})
            fit = result.fit
            _update_profile(publish, fit.board, fit.cooling, found, result.model.activities)


def taken_over(adaptation: Adaptation, origin: ThermalModel, folder: Path) -> Takeover:
    """Adapts a network to the logs of another board.

    Raises:
        InputError: A log is missing or cannot be used.
    """
    profile = load_profile(adaptation.board)
    logs = heated_runs(files_of_catalogue(folder, adaptation.traces), profile, None)
    elsewhere = {room_c: adapted(origin, logs, room_c) for room_c in OTHER_ROOMS_C}
    return Takeover(
        adaptation,
        tuple(logs),
        adapted(origin, logs),
        {room_c: other.model.steady_gain for room_c, other in elsewhere.items()},
    )


def transferred(transfer: Transfer, model: ThermalModel, folder: Path) -> Error:
    """Error of a prediction that knows the run's heat alone, in a room of `ROOM_C`."""
    profile = load_profile(transfer.board)
    (run,) = heated_runs(files_of_catalogue(folder, transfer.traces), profile, transfer.full_load_w)
    rest_w = 0.0 if run.absolute else profile.power.rest_w
    return blind_error(model, replace(run, heat=run.heat + rest_w))


def _table(results: Sequence[Result], takeovers: Sequence[Takeover] = ()) -> pl.DataFrame:
    """One row per cooling and held-out set: means over its runs; no naive one predicts blindly."""
    rows = [row for takeover in takeovers for row in _blind_rows(takeover)]
    for result in results:
        for held in result.fit.held_out:
            found = result.held_out[held.title]
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
                    "held_out": held.title,
                    "session": held.session,
                    "runs": len(found),
                    "known_s": result.known_s[held.title],
                    **mean,
                }
            )
    return pl.DataFrame(rows)


def _blind_rows(takeover: Takeover) -> list[dict[str, Any]]:
    adaptation, result = takeover.adaptation, takeover.result
    found = {
        adaptation.cooling: (f"{LOGS}, each left out in turn", result.own),
        adaptation.origin: (LOGS, result.before),
    }
    return [
        {
            "board": adaptation.board,
            "cooling": cooling,
            "nodes": result.model.order,
            "held_out": title,
            "session": ANOTHER_SESSION,
            "runs": len(errors),
            "known_s": 0.0,
            **{
                f"model_{field}": float(np.mean([asdict(error)[field] for error in errors]))
                for field in ("rmse_c", "mae_c", "worst_c")
            },
            **dict.fromkeys(NAIVE_COLUMNS),
        }
        for cooling, (title, errors) in found.items()
    ]


def _page(
    catalogue: Catalogue,
    results: Sequence[Result],
    trials: Sequence[Trial],
    takeovers: Sequence[Takeover],
    transfers: Mapping[str, Error],
) -> str:
    """The page "How good is the twin?"."""
    everything = [*results, *(trial.result for trial in trials)]
    fits = [
        [
            f"{result.fit.board}, {result.fit.cooling}",
            str(result.model.order),
            with_errors(result.model.time_constants_s, result.model.time_constants_se_s),
            with_errors(result.model.gains, result.model.gains_se),
            f"{result.model.rmse_c:.2f}",
        ]
        for result in everything
    ]
    held_out = [
        [
            f"{row['board']}, {row['cooling']}",
            row["held_out"],
            row["session"],
            str(row["runs"]),
            f"{row['known_s']:.0f}",
            *(f"{row[name]:.2f}" for name in ERROR_COLUMNS),
        ]
        for row in _table(everything).iter_rows(named=True)
    ]
    blind = [
        [title, f"{error.bias_c:+.1f}", f"{error.rmse_c:.1f}", f"{error.worst_c:.1f}"]
        for title, error in transfers.items()
    ]
    runs = [run for found in results[0].held_out.values() for run in found]
    return jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), keep_trailing_newline=True).render(
        fits=markdown_table(FIT_HEADER, fits),
        held_out=markdown_table(HELD_OUT_HEADER, held_out),
        transfers=markdown_table(TRANSFER_HEADER, blind),
        trials=trials_table(trials),
        untried=catalogue.untried,
        takeovers=[(takeover, _takeover_table(takeover)) for takeover in takeovers],
        figures=[(result.fit, _figure(result)) for result in everything],
        beaten=_beaten(everything),
        same_only=[
            f"{result.fit.board}, {result.fit.cooling}"
            for result in everything
            if all(held.session != ANOTHER_SESSION for held in result.fit.held_out)
        ],
        xu3=sorted(run["model"].rmse_c for run in runs),
        room_c=ROOM_C,
        doubtful=DOUBTFUL,
        worst_c=WORST_C,
        window_samples=WINDOW_SAMPLES,
        sources=catalogue.sources,
        versions=", ".join(f"{name} {version}" for name, version in installed_versions().items()),
    )


def _takeover_table(takeover: Takeover) -> str:
    result = takeover.result
    before_k_w = result.model.steady_gain / result.scale
    rows = [
        [
            Path(trace.name).stem,
            f"{before_k_w * scale:.1f}",
            *(f"{value:.1f}" for value in (before.rmse_c, before.bias_c, own.rmse_c, own.bias_c)),
        ]
        for trace, scale, before, own in zip(
            takeover.traces, result.scales, result.before, result.own, strict=True
        )
    ]
    return markdown_table(ADAPTED_HEADER, rows)


def _beaten(results: Sequence[Result]) -> list[str]:
    """Parts that a naive predictor predicts better."""
    return [
        f"{row['board']}, {row['cooling']}, {row['held_out']}, {row['session']} "
        f"({name.replace('_', ' ')}: "
        f"{row[f'{name}_rmse_c']:.2f} against {row['model_rmse_c']:.2f} °C)"
        for row in _table(results).iter_rows(named=True)
        for name in ("constant", "first_order")
        if row[f"{name}_rmse_c"] < row["model_rmse_c"]
    ]


def _brief(results: Sequence[Result], takeovers: Sequence[Takeover]) -> str:
    """Every takeover, and each board's first fitted cooling, in another session if there is one."""
    taken = _table((), takeovers).to_dicts()
    first: dict[str, dict[str, Any]] = {}
    for row in _table(results).to_dicts():
        known = first.setdefault(row["board"], row)
        if row["cooling"] == known["cooling"] and known["session"] != ANOTHER_SESSION:
            first[row["board"]] = row
    rows = [
        [
            f"{row['board']}, {row['cooling']}",
            row["held_out"],
            row["session"],
            *("–" if row[name] is None else f"{row[name]:.2f}" for name in BRIEF_COLUMNS),
        ]
        for row in (*taken, *first.values())
    ]
    return markdown_table(BRIEF_HEADER, rows)


def _figure(result: Result) -> str:
    return f"twin_{result.fit.board}_{result.fit.cooling}.png"


def _draw_takeover(takeover: Takeover, folder: Path) -> None:
    """The first log: the network as taken over, and adapted to the other logs."""
    adaptation, result, trace = takeover.adaptation, takeover.result, takeover.traces[0]
    others = adapted(result.model, takeover.traces[1:]).model
    predicted = {
        f"{adaptation.cooling}, from the other logs": blind_prediction(others, trace),
        adaptation.origin: blind_prediction(scaled(result.model, 1 / result.scale), trace),
    }
    path = folder / f"twin_{adaptation.board}_{adaptation.cooling}.png"
    measured_against_predicted(trace, predicted, np.ones(len(trace.time_s), bool), path)


def _draw(result: Result, folder: Path) -> None:
    trace, known = result.shown
    working = trace.working(result.model.activities)
    measured_against_predicted(
        working, *predictions(result.model, working, known), folder / _figure(result)
    )


def _update_profile(
    checkout: Path,
    board: str,
    cooling: str,
    fitted: Cooling,
    activities: Mapping[str, float] | None = None,
) -> None:
    """Writes the fitted section into the profile's file, whose comments stay."""
    path = checkout / "envs" / "boards" / "profiles" / f"{board}.toml"
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    section = document["cooling"][cooling]
    section["source"] = fitted.source
    section["resistances_k_w"] = list(fitted.resistances_k_w)
    section["capacitances_j_k"] = list(fitted.capacitances_j_k)
    section["resistance_log_se"] = fitted.resistance_log_se
    section["capacitance_log_se"] = fitted.capacitance_log_se
    if activities:
        table = tomlkit.inline_table()
        table.update({name: round(activity, 3) for name, activity in activities.items()})
        document["power"]["activities"] = table
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
