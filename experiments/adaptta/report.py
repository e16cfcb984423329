"""Tables, figures and files of a run of ``tvfs-gym adaptta live``."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich import print as rich_print

from tvfs_gym.envs.arrays import write_arrays
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.inference.augmentation import policy_views
from tvfs_gym.envs.inference.image_lists import LabelledImage
from tvfs_gym.envs.inference.outcomes import (
    RecordedOutcomes,
    Recording,
    at_stop,
    halves,
    load_outcomes,
    passes_spent,
)
from tvfs_gym.envs.inference.topology import ZOO, Topology
from tvfs_gym.experiments.adaptta.calibration import (
    CalibrationData,
    evaluate_setting,
    sweep_settings,
    tau_that_keeps_accuracy,
)
from tvfs_gym.experiments.adaptta.live_options import LiveOptions
from tvfs_gym.experiments.adaptta.recorded import PUBLISHED_PASSES
from tvfs_gym.experiments.adaptta.recording import write_failures
from tvfs_gym.experiments.adaptta.replay import Rule, replay_views
from tvfs_gym.experiments.adaptta.view_store import chunks_of
from tvfs_gym.experiments.models.doubts import label_doubts
from tvfs_gym.experiments.results.folder import read_json
from tvfs_gym.experiments.results.frames import write_parquet
from tvfs_gym.experiments.results.statistics import mean_cell, paired_cell, share_cell
from tvfs_gym.experiments.results.tables import markdown_table, replace_section


@dataclass(frozen=True)
class PolicyRun:
    """One network under one policy, on the images that could be read.

    Attributes:
        network: Name of the network.
        policy: Name of the policy.
        truth: Classes of the images, shape (images,).
        recording: Answers after 1, 2, ... views, arrays of shape (images, views).
        settled: True where no further view could change the answer, same shape.
        seconds: Time of every pass, s, same shape.
        passes: Passes that AdapTTA spends, shape (images,).
        tau: Confidence threshold.
    """

    network: str
    policy: str
    truth: NDArray[np.int32]
    recording: Recording
    settled: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    passes: NDArray[np.intp]
    tau: float

    @property
    def correct(self) -> NDArray[np.bool_]:
        """True where the consensus was right, shape (images, views)."""
        return np.asarray(self.recording.label == self.truth[:, np.newaxis])

    def at_stop(self, values: NDArray[Any]) -> NDArray[Any]:
        """Selects from values of shape (images, views) those at which AdapTTA stopped."""
        return at_stop(values, self.passes)

    def passes_until_settled(self, tau: float) -> NDArray[np.intp]:
        """Passes with the early exit of settled answers on top of tau, shape (images,)."""
        stopped = passes_spent(self.recording.confidence, tau)
        return np.minimum(stopped, passes_spent(self.settled.astype(np.float32), 1.0))


def write_live_report(
    folder: Path,
    images: Sequence[LabelledImage],
    topologies: Sequence[Topology],
    options: LiveOptions,
) -> None:
    """Writes everything but the views into the run's folder, and prints the tables.

    Args:
        folder: Folder of the run, with the outputs of all views.
        images: Images of the run, in its order.
        topologies: Networks of the run, in its order.
        options: Options of the run.

    Raises:
        InputError: No image could be used.
    """
    errors = {
        topology.name: np.concatenate([chunk.errors for chunk in chunks_of(folder, topology.name)])
        for topology in topologies
    }
    usable = np.logical_and.reduce([of_network == "" for of_network in errors.values()])
    failed = _write_failures(folder / "failed.csv", images, errors)
    if not usable.any():
        raise InputError(f"no image could be used; {folder / 'failed.csv'} says why.")
    used = [image for image, good in zip(images, usable, strict=True) if good]
    truth = np.array([image.label for image in used], np.int32)
    runs = [
        run
        for topology in topologies
        for run in _policy_runs(folder, topology, usable, truth, options)
    ]
    _write_rows(folder, used, runs)
    _write_outcomes(folder, used, runs, options)
    text = f"{_tables(runs)}\n\n{_caption(folder, used, failed, options)}\n"
    write_whole(folder / "table.md", text.encode())
    from tvfs_gym.experiments.adaptta.figures import (  # and with it all of matplotlib
        pareto_fronts,
        passes_distribution,
    )

    passes_distribution(
        {f"{run.network}, {run.policy}": run.passes for run in runs}, folder / "passes.png"
    )
    points = {run.network: sweep_settings(calibration_data(run)) for run in _longest(runs)}
    pareto_fronts(points, folder / "pareto.png")
    print(text)
    for topology, run in zip(topologies, _longest(runs), strict=True):
        for doubt in label_doubts(run.recording.label[:, 0], truth, topology):
            print(doubt)
    if failed:
        rich_print(f"{failed} images could not be used: see {folder / 'failed.csv'}.")
    print(f"written to {folder}")


def publish_live(folder: Path, checkout: Path) -> None:
    """Writes the run's tables to the checkout's ``docs/adaptta.md``.

    Raises:
        InputError: The checkout has no folder docs, or the run no table.
    """
    page = checkout / "docs" / "adaptta.md"
    try:
        text = (folder / "table.md").read_text(encoding="utf-8")
        replace_section(page, "live", f"\n{text}")
    except OSError as error:
        raise InputError(f"cannot write {page}: {error.strerror}.") from error


def command_of(config: dict[str, Any]) -> str:
    """Command that repeats a run of this configuration, with placeholders for the folders."""
    words = ["tvfs-gym adaptta live --models MODELS --images IMAGES"]
    words += [f"--topology {name}" for name in config["topologies"]]
    for name, value in asdict(LiveOptions()).items():
        option = name.replace("_", "-")
        if config[name] is False:
            words.append(f"--no-{option}")
        elif config[name] != value:
            words.append(f"--{option} {shlex.quote(str(config[name]))}")
    return " ".join(words)


def calibration_data(run: PolicyRun) -> CalibrationData:
    """Results of a run in the form that a calibration takes."""
    return CalibrationData(run.recording.confidence, run.correct, run.seconds)


def _policy_runs(
    folder: Path,
    topology: Topology,
    usable: NDArray[np.bool_],
    truth: NDArray[np.int32],
    options: LiveOptions,
) -> Iterator[PolicyRun]:
    """Replays a network's outputs chunk by chunk: those of all images would fill the memory."""
    rule = Rule(options.aggregation, options.confidence, options.stop_on)
    views = policy_views(options.policy, options.view_order)
    names = ("5C", "10C") if options.policy == "10C" else (options.policy,)
    chosen = {
        name: [views.index(view) for view in policy_views(name, options.view_order)]
        for name in names
    }
    parts: dict[str, list[tuple[Recording, Any, Any]]] = {name: [] for name in names}
    index = truth.astype(np.intp) + topology.label_offset
    first, done = 0, 0
    for chunk in chunks_of(folder, topology.name):
        good = usable[first : first + len(chunk.errors)]
        of_chunk = index[done : done + int(good.sum())]
        first, done = first + len(good), done + len(of_chunk)
        for name in names if len(of_chunk) else ():
            answers = replay_views(chunk.probabilities[good][:, chosen[name]], of_chunk, rule)
            recording = answers.recording(topology.label_offset)
            parts[name].append((recording, answers.settled, chunk.seconds[good][:, chosen[name]]))
    for name, of_name in parts.items():
        recordings, settled, seconds = zip(*of_name, strict=True)
        recording = Recording(
            np.concatenate([one.confidence for one in recordings]),
            np.concatenate([one.label for one in recordings]),
            np.concatenate([one.in_top5 for one in recordings]),
        )
        passes = passes_spent(recording.confidence, options.tau)
        yield PolicyRun(
            topology.name, name, truth, recording, np.concatenate(settled),
            np.concatenate(seconds), passes, options.tau,
        )  # fmt: skip


def _longest(runs: Sequence[PolicyRun]) -> list[PolicyRun]:
    """Each network's run with the most views."""
    return list({run.network: run for run in runs}.values())


def _write_failures(
    path: Path, images: Sequence[LabelledImage], errors: dict[str, NDArray[np.str_]]
) -> int:
    """Lists the images that could not be used, once each; returns their number."""
    failures: dict[Path, str] = {}
    for of_network in errors.values():
        for image, error in zip(images, of_network, strict=True):
            if error:
                failures.setdefault(image.path, str(error))
    write_failures(path, failures)
    return len(failures)


def _write_rows(folder: Path, images: Sequence[LabelledImage], runs: Sequence[PolicyRun]) -> None:
    tables = []
    for run in runs:
        tables.append(
            pl.DataFrame(
                {
                    "network": [run.network] * len(images),
                    "policy": [run.policy] * len(images),
                    "file": [str(image.path) for image in images],
                    "truth": run.truth,
                    "label": run.at_stop(run.recording.label),
                    "in_top5": run.at_stop(run.recording.in_top5),
                    "confidence": run.at_stop(run.recording.confidence),
                    "passes": run.passes,
                    "latency_s": run.at_stop(np.cumsum(run.seconds, axis=1)),
                    "static_label": run.recording.label[:, -1],
                    "static_latency_s": run.seconds.sum(axis=1),
                }
            )
        )
    write_parquet(folder / "frames.parquet", pl.concat(tables))


def _write_outcomes(
    folder: Path, images: Sequence[LabelledImage], runs: Sequence[PolicyRun], options: LiveOptions
) -> None:
    config = read_json(folder, "config.json")
    provenance = {
        "command": (folder / "command.txt").read_text().strip(),
        "machine": read_json(folder, "versions.json")["machine"],
        "images": [image.path.name for image in images],
        "geometry": options.cut().description,
        "order": options.view_order,
        "resizer": options.cut().resizer_description,
        "aggregation": options.aggregation,
        **{key: config[key] for key in ("runtime", "networks_sha256", "images_sha256")},
    }
    longest = _longest(runs)
    recordings = {run.network: run.recording for run in longest}
    RecordedOutcomes(runs[0].truth, recordings, provenance).save(folder / "outcomes.npz")
    write_arrays(folder / "seconds.npz", {run.network: run.seconds for run in longest})


def _tables(runs: Sequence[PolicyRun]) -> str:
    accuracy = markdown_table(
        (
            "network", "policy", "1 view", "static", "AdapTTA", "static − 1 view",
            "AdapTTA − static", "top-5 static", "top-5 AdapTTA",
        ),
        [_accuracy_row(run) for run in runs],
    )  # fmt: skip
    speed = markdown_table(
        (
            "network", "policy", "passes", "published", "1 pass", "between", "all passes",
            "static, ms", "AdapTTA, ms", "p50", "p95", "speed-up, time", "speed-up, passes",
            "settled exit: static", "settled exit: AdapTTA",
        ),
        [_speed_row(run) for run in runs],
    )  # fmt: skip
    parts = ["## Accuracy, %", accuracy, "## Passes and latency", speed]
    if len(runs[0].truth) > 1:
        header = (
            "network", "policy", "tau", "static", "AdapTTA", "AdapTTA − static", "passes",
            "speed-up, passes",
        )  # fmt: skip
        parts += [
            "## With tau calibrated",
            "The lowest tau from which on AdapTTA loses less than half a point of accuracy against "
            "static augmentation, with 95 % confidence, on the design half of the images, which "
            "splits every class; the run half, which it has not seen, gives the figures.",
            markdown_table(header, [_calibrated_row(run) for run in runs]),
        ]
    return "\n\n".join(parts)


def _accuracy_row(run: PolicyRun) -> list[str]:
    single, static, adaptive = run.correct[:, 0], run.correct[:, -1], run.at_stop(run.correct)
    return [
        run.network,
        run.policy,
        share_cell(single),
        share_cell(static),
        share_cell(adaptive),
        paired_cell(static, single),
        paired_cell(adaptive, static),
        share_cell(run.recording.in_top5[:, -1]),
        share_cell(run.at_stop(run.recording.in_top5)),
    ]


def _speed_row(run: PolicyRun) -> list[str]:
    views = run.seconds.shape[1]
    static_ms = 1e3 * run.seconds.sum(axis=1)
    adaptive_ms = 1e3 * run.at_stop(np.cumsum(run.seconds, axis=1))
    published = PUBLISHED_PASSES.get(run.network, {}).get(run.policy)
    shares = [(run.passes == 1).mean(), 0.0, (run.passes == views).mean()]
    shares[1] = 1 - shares[0] - shares[2]
    return [
        run.network,
        run.policy,
        mean_cell(run.passes),
        f"{published:.2f}" if published else "",
        *(f"{100 * share:.1f} %" for share in shares),
        f"{static_ms.mean():.1f}",
        f"{adaptive_ms.mean():.1f}",
        *(f"{np.quantile(adaptive_ms, q):.1f}" for q in (0.5, 0.95)),
        f"{static_ms.mean() / adaptive_ms.mean():.2f}",
        f"{views / run.passes.mean():.2f}",
        f"{run.passes_until_settled(np.inf).mean():.2f}",
        f"{run.passes_until_settled(run.tau).mean():.2f}",
    ]


def _calibrated_row(run: PolicyRun) -> list[str]:
    data = calibration_data(run)
    parts = halves(run.truth)
    seen, unseen = data.only(parts.design), data.only(parts.run)
    views = run.seconds.shape[1]
    tau = tau_that_keeps_accuracy(seen)
    point = evaluate_setting(unseen, views, tau)
    adaptive = at_stop(unseen.correct, passes_spent(unseen.confidence, tau))
    return [
        run.network,
        run.policy,
        f"{tau:g}",
        share_cell(unseen.correct[:, -1]),
        share_cell(adaptive),
        paired_cell(adaptive, unseen.correct[:, -1]),
        f"{point.passes:.2f}",
        f"{views / point.passes:.2f}",
    ]


def _caption(folder: Path, used: Sequence[LabelledImage], failed: int, options: LiveOptions) -> str:
    config, versions = read_json(folder, "config.json"), read_json(folder, "versions.json")
    threads = f"{options.threads} thread{'s' if options.threads > 1 else ''}"
    xnnpack = "" if options.xnnpack else ", without XNNPACK"
    skipped = f" ({failed} more could not be used)" if failed else ""
    shipped = load_outcomes(ZOO / "recorded.npz").provenance["images"]
    is_shipped = [image.path.name for image in used] == shipped
    easier = (
        ", easier than the ImageNet validation set of the published figures" if is_shipped else ""
    )
    return (
        f"{len(used)} labelled images{skipped}{easier}; tau = {options.tau:g}, aggregation "
        f"{options.aggregation}, confidence {options.confidence} of the {options.stop_on}, views "
        f"{options.view_order}, geometry {options.geometry} {options.crop_fraction:g} "
        f"{options.resizer}. Accuracies ± half the width of the 95 % Wilson interval; differences "
        f"± that of the paired Wald interval. Latencies from the decoded image to the answer, "
        f"{threads}{xnnpack}, {config['runtime']}, {versions['machine']}. Speed-up over static "
        f"augmentation in the same run; published: 1.40 to 2.21. Settled exit: mean passes when a "
        f"frame also stops once no remaining view could change its answer. Command: "
        f"`{command_of(config)}`."
    )
