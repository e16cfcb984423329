"""Tables, figures and files of a run of ``tvfs-gym adaptta live``."""

import csv
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich import print as rich_print

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.adaptta import TAU
from tvfs_gym.envs.inference.augmentation import DEFAULT_GEOMETRY, Geometry, policy_views
from tvfs_gym.envs.inference.images import LabelledImage
from tvfs_gym.envs.inference.outcomes import (
    RecordedOutcomes,
    Recording,
    load_outcomes,
    passes_spent,
)
from tvfs_gym.envs.inference.topology import ZOO, Topology
from tvfs_gym.experiments.adaptta.calibration import (
    Measured,
    measure,
    sweep,
    tau_that_keeps_accuracy,
)
from tvfs_gym.experiments.adaptta.figures import pareto_fronts, passes_distribution
from tvfs_gym.experiments.adaptta.recorded import PUBLISHED_PASSES
from tvfs_gym.experiments.adaptta.replay import Rule, replay
from tvfs_gym.experiments.adaptta.view_store import ViewOutputs, load_outputs
from tvfs_gym.experiments.results.folder import read_json
from tvfs_gym.experiments.results.statistics import mean_cell, paired_cell, share_cell
from tvfs_gym.experiments.results.tables import markdown_table


@dataclass(frozen=True)
class Options:
    """How the networks are run and judged; as for `AdapTTA` and `TfliteClassifier`."""

    policy: str = "10C"
    order: str = "centre_first"
    aggregation: str = "mean"
    confidence: str = "max"
    stop_on: str = "consensus"
    tau: float = TAU
    geometry: Geometry = DEFAULT_GEOMETRY
    threads: int = 1
    xnnpack: bool = True


@dataclass(frozen=True)
class Case:
    """One network under one policy, on the images that could be read.

    Attributes:
        network: Its name.
        policy: Its name.
        truth: The images' classes.
        recording: After 1, 2, ... views, arrays of shape (images, views).
        settled: Whether the answer could still change, same shape.
        seconds: Time of every pass, same shape.
        passes: That AdapTTA spends, shape (images,).
        tau: Threshold.
    """

    network: str
    policy: str
    truth: NDArray[np.int16]
    recording: Recording
    settled: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    passes: NDArray[np.intp]
    tau: float

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the consensus was right, shape (images, views)."""
        return np.asarray(self.recording.label == self.truth[:, np.newaxis])

    def at_stop(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of shape (images, views) where AdapTTA stopped, shape (images,)."""
        return np.asarray(values[np.arange(len(self.passes)), self.passes - 1])

    def passes_until_settled(self, tau: float) -> NDArray[np.intp]:
        """Passes with the early exit of settled answers on top of tau, shape (images,)."""
        stopped = passes_spent(self.recording.confidence, tau)
        return np.minimum(stopped, passes_spent(self.settled.astype(np.float32), 1.0))


def write_report(
    folder: Path,
    images: Sequence[LabelledImage],
    topologies: Sequence[Topology],
    options: Options,
) -> None:
    """Writes everything but the views into the run's folder, and prints the tables.

    Args:
        folder: It holds the outputs of all views.
        images: What was run, in its order.
        topologies: The networks, in their order.
        options: How they were run.

    Raises:
        InputError: Not one image could be used.
    """
    outputs = {one.name: load_outputs(folder, one.name) for one in topologies}
    usable = np.logical_and.reduce([one.usable for one in outputs.values()])
    failed = _write_failures(folder / "failed.csv", images, outputs)
    if not usable.any():
        raise InputError(f"not one image could be used; {folder / 'failed.csv'} says why.")
    used = [image for image, good in zip(images, usable, strict=True) if good]
    truth = np.array([image.label for image in used], np.int16)
    cases = [
        case
        for topology in topologies
        for case in _cases(topology, outputs[topology.name], usable, truth, options)
    ]
    _write_rows(folder, used, cases)
    _write_outcomes(folder, used, cases, options)
    text = f"{_tables(cases)}\n\n{_caption(folder, used, failed, options)}\n"
    (folder / "table.md").write_text(text, encoding="utf-8")
    passes_distribution(
        {f"{one.network}, {one.policy}": one.passes for one in cases}, folder / "passes.png"
    )
    points = {one.network: sweep(measured_of(one)) for one in _longest(cases)}
    pareto_fronts(points, folder / "pareto.png")
    print(text)
    if failed:
        rich_print(f"{failed} images could not be used: see {folder / 'failed.csv'}.")
    print(f"written to {folder}")


def publish(folder: Path, checkout: Path) -> None:
    """Writes the run's tables to the checkout's ``docs/adaptta.md``.

    Raises:
        InputError: The checkout has no folder docs, or the run no table.
    """
    page = checkout / "docs" / "adaptta.md"
    try:
        text = (folder / "table.md").read_text(encoding="utf-8")
        page.write_text(f"# AdapTTA on real networks, run live\n\n{text}", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {page}: {error.strerror}.") from error


def command_of(config: dict[str, Any]) -> str:
    """The command that makes a run of this configuration again, from anybody's folders."""
    usual = asdict(Options())
    given = {**config, **config["geometry"], "geometry": config["geometry"]["method"]}
    usual = {**usual, **usual["geometry"], "geometry": usual["geometry"]["method"]}
    words = ["tvfs-gym adaptta live --models MODELS --images IMAGES"]
    words += [f"--topology {name}" for name in config["topologies"]]
    for name, value in usual.items():
        if name == "xnnpack" and not given[name]:
            words.append("--no-xnnpack")
        elif name not in ("method", "xnnpack") and given[name] != value:
            words.append(f"--{name.replace('_', '-')} {shlex.quote(str(given[name]))}")
    return " ".join(words)


def measured_of(case: Case) -> Measured:
    """The case as calibration takes it."""
    return Measured(case.recording.confidence, case.correct, case.seconds)


def _cases(
    topology: Topology,
    outputs: ViewOutputs,
    usable: NDArray[np.bool_],
    truth: NDArray[np.int16],
    options: Options,
) -> Iterator[Case]:
    rule = Rule(options.aggregation, options.confidence, options.stop_on)
    every = policy_views(options.policy, options.order)
    names = ("5C", "10C") if options.policy == "10C" else (options.policy,)
    for name in names:
        chosen = [every.index(view) for view in policy_views(name, options.order)]
        index = truth.astype(np.intp) + topology.label_offset
        found = replay(outputs.probabilities[usable][:, chosen], index, rule)
        recording = found.recording(topology.label_offset)
        seconds = outputs.seconds[usable][:, chosen]
        passes = passes_spent(recording.confidence, options.tau)
        yield Case(
            topology.name, name, truth, recording, found.settled, seconds, passes, options.tau
        )


def _longest(cases: Sequence[Case]) -> list[Case]:
    """Each network's case with the most views."""
    return list({case.network: case for case in cases}.values())


def _write_failures(
    path: Path, images: Sequence[LabelledImage], outputs: dict[str, ViewOutputs]
) -> int:
    """Lists the images that could not be used, once each; returns how many."""
    errors: dict[Path, str] = {}
    for one in outputs.values():
        for image, error in zip(images, one.errors, strict=True):
            if error:
                errors.setdefault(image.path, str(error))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "error"))
        writer.writerows(errors.items())
    return len(errors)


def _write_rows(folder: Path, images: Sequence[LabelledImage], cases: Sequence[Case]) -> None:
    tables = []
    for case in cases:
        tables.append(
            pl.DataFrame(
                {
                    "network": [case.network] * len(images),
                    "policy": [case.policy] * len(images),
                    "file": [str(image.path) for image in images],
                    "truth": case.truth,
                    "label": case.at_stop(case.recording.label),
                    "in_top5": case.at_stop(case.recording.in_top5),
                    "confidence": case.at_stop(case.recording.confidence),
                    "passes": case.passes,
                    "latency_s": case.at_stop(np.cumsum(case.seconds, axis=1)),
                    "static_label": case.recording.label[:, -1],
                    "static_latency_s": case.seconds.sum(axis=1),
                }
            )
        )
    pl.concat(tables).write_parquet(folder / "frames.parquet")


def _write_outcomes(
    folder: Path,
    images: Sequence[LabelledImage],
    cases: Sequence[Case],
    options: Options,
) -> None:
    config = read_json(folder, "config.json")
    provenance = {
        "command": (folder / "command.txt").read_text().strip(),
        "machine": read_json(folder, "versions.json")["machine"],
        "images": [image.path.name for image in images],
        "geometry": options.geometry.description,
        "order": options.order,
        "resizer": options.geometry.resizer_description,
        "aggregation": options.aggregation,
        **{key: config[key] for key in ("runtime", "networks_sha256", "images_sha256")},
    }
    longest = _longest(cases)
    recordings = {case.network: case.recording for case in longest}
    RecordedOutcomes(cases[0].truth, recordings, provenance).save(folder / "outcomes.npz")
    np.savez_compressed(folder / "seconds.npz", **{one.network: one.seconds for one in longest})


def _tables(cases: Sequence[Case]) -> str:
    accuracy = markdown_table(
        (
            "network", "policy", "1 view", "static", "AdapTTA", "static − 1 view",
            "AdapTTA − static", "top-5 static", "top-5 AdapTTA",
        ),
        [_accuracy_row(case) for case in cases],
    )  # fmt: skip
    speed = markdown_table(
        (
            "network", "policy", "passes", "published", "1 pass", "between", "all passes",
            "static, ms", "AdapTTA, ms", "p50", "p95", "speed-up, time", "speed-up, passes",
            "settled exit: static", "settled exit: AdapTTA",
        ),
        [_speed_row(case) for case in cases],
    )  # fmt: skip
    parts = ["## Accuracy, %", accuracy, "## Passes and latency", speed]
    if len(cases[0].truth) > 1:
        header = (
            "network", "policy", "tau", "static", "AdapTTA", "AdapTTA − static", "passes",
            "speed-up, passes",
        )  # fmt: skip
        parts += [
            "## With tau calibrated",
            "The lowest tau from which on AdapTTA loses less than half a point of accuracy against "
            "static augmentation, with 95 % confidence, on every second image; the other images, "
            "which it has not seen, give the figures.",
            markdown_table(header, [_calibrated_row(case) for case in cases]),
        ]
    return "\n\n".join(parts)


def _accuracy_row(case: Case) -> list[str]:
    one, static, adaptive = case.correct[:, 0], case.correct[:, -1], case.at_stop(case.correct)
    return [
        case.network,
        case.policy,
        share_cell(one),
        share_cell(static),
        share_cell(adaptive),
        paired_cell(static, one),
        paired_cell(adaptive, static),
        share_cell(case.recording.in_top5[:, -1]),
        share_cell(case.at_stop(case.recording.in_top5)),
    ]


def _speed_row(case: Case) -> list[str]:
    views = case.seconds.shape[1]
    static_ms = 1e3 * case.seconds.sum(axis=1)
    adaptive_ms = 1e3 * case.at_stop(np.cumsum(case.seconds, axis=1))
    published = PUBLISHED_PASSES.get(case.network, {}).get(case.policy)
    shares = [(case.passes == 1).mean(), 0.0, (case.passes == views).mean()]
    shares[1] = 1 - shares[0] - shares[2]
    return [
        case.network,
        case.policy,
        mean_cell(case.passes),
        f"{published:.2f}" if published else "",
        *(f"{100 * share:.1f} %" for share in shares),
        f"{static_ms.mean():.1f}",
        f"{adaptive_ms.mean():.1f}",
        *(f"{np.quantile(adaptive_ms, q):.1f}" for q in (0.5, 0.95)),
        f"{static_ms.mean() / adaptive_ms.mean():.2f}",
        f"{views / case.passes.mean():.2f}",
        f"{case.passes_until_settled(np.inf).mean():.2f}",
        f"{case.passes_until_settled(case.tau).mean():.2f}",
    ]


def _calibrated_row(case: Case) -> list[str]:
    every = measured_of(case)
    seen, unseen = every.only(slice(0, None, 2)), every.only(slice(1, None, 2))
    views = case.seconds.shape[1]
    tau = tau_that_keeps_accuracy(seen)
    found = measure(unseen, views, tau)
    stop = passes_spent(unseen.confidence, tau) - 1
    adaptive = unseen.correct[np.arange(len(stop)), stop]
    return [
        case.network,
        case.policy,
        f"{tau:g}",
        share_cell(unseen.correct[:, -1]),
        share_cell(adaptive),
        paired_cell(adaptive, unseen.correct[:, -1]),
        f"{found.passes:.2f}",
        f"{views / found.passes:.2f}",
    ]


def _caption(folder: Path, used: Sequence[LabelledImage], failed: int, options: Options) -> str:
    config, versions = read_json(folder, "config.json"), read_json(folder, "versions.json")
    threads = f"{options.threads} thread{'s' if options.threads > 1 else ''}"
    without = "" if options.xnnpack else ", without XNNPACK"
    skipped = f" ({failed} more could not be used)" if failed else ""
    shipped = load_outcomes(ZOO / "recorded.npz").provenance["images"]
    same = [image.path.name for image in used] == shipped
    easier = ", easier than the ImageNet validation set of the published figures" if same else ""
    geometry = options.geometry
    return (
        f"{len(used)} labelled images{skipped}{easier}; tau = {options.tau:g}, aggregation "
        f"{options.aggregation}, confidence {options.confidence} of the {options.stop_on}, views "
        f"{options.order}, geometry {geometry.method} {geometry.crop_fraction:g} "
        f"{geometry.resizer}. Accuracies ± half the width of the 95 % Wilson interval; differences "
        f"± that of the paired Wald interval. Latencies from the decoded image to the answer, "
        f"{threads}{without}, {config['runtime']}, {versions['machine']}. Speed-up over static "
        f"augmentation in the same run; published: 1.40 to 2.21. Settled exit: mean passes when a "
        f"frame also stops once no remaining view could change its answer. Command: "
        f"`{command_of(config)}`."
    )
