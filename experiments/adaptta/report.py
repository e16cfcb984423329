"""Tables, figures and files of a run of ``tvfs-gym adaptta live``."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tvfs_gym.envs.arrays import write_arrays
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.inference.augmentation import policy_views
from tvfs_gym.envs.inference.image_lists import LabelledImage
from tvfs_gym.envs.inference.outcomes import (
    RecordedOutcomes,
    Recording,
    load_outcomes,
    passes_spent,
)
from tvfs_gym.envs.inference.topology import ZOO, Topology
from tvfs_gym.experiments.adaptta.calibration import (
    sweep_settings,
)
from tvfs_gym.experiments.adaptta.live_options import LiveOptions
from tvfs_gym.experiments.adaptta.live_tables import PolicyRun, calibration_data, sections_of
from tvfs_gym.experiments.adaptta.recording import write_failures
from tvfs_gym.experiments.adaptta.replay import Rule, replay_views
from tvfs_gym.experiments.adaptta.view_store import chunks_of
from tvfs_gym.experiments.models.doubts import label_doubts
from tvfs_gym.experiments.results.folder import read_json
from tvfs_gym.experiments.results.frames import write_parquet
from tvfs_gym.experiments.results.tables import (
    print_wrapped,
    replace_section,
    spread,
    text_lines,
)

MOST_NETWORKS = 8
"""Networks that fit one screen."""


def write_live_report(
    folder: Path,
    images: Sequence[LabelledImage],
    topologies: Sequence[Topology],
    options: LiveOptions,
    full: bool,
) -> dict[str, Any]:
    """Writes everything but the views into the run's folder, and prints what came out.

    Args:
        folder: Folder of the run, with the outputs of all views.
        images: Images of the run, in its order.
        topologies: Networks of the run, in its order.
        options: Options of the run.
        full: True to print every table.

    Returns:
        folder; tau; images, how many were used; failed, how many could not be; networks, each with
        name, policy, one_view, static and adaptta, shares of right answers, passes, means per
        image, and static_s and adaptta_s, mean latencies.

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
        for run in policy_runs(folder, topology, usable, truth, options)
    ]
    _write_rows(folder, used, runs)
    _write_outcomes(folder, used, runs, options)
    sections, caption = sections_of(runs), _caption(folder, used, failed, options)
    text = "\n\n".join([*(section.markdown for section in sections), caption])
    write_whole(folder / "table.md", f"{text}\n".encode())
    from tvfs_gym.experiments.adaptta.figures import (  # and with it all of matplotlib
        pareto_fronts,
        passes_distribution,
    )

    passes_distribution(
        {f"{run.network}, {run.policy}": run.passes for run in runs}, folder / "passes.png"
    )
    points = {run.network: sweep_settings(calibration_data(run)) for run in _longest(runs)}
    pareto_fronts(points, folder / "pareto.png")
    for topology, run in zip(topologies, _longest(runs), strict=True):
        for doubt in label_doubts(run.recording.label[:, 0], truth, topology):
            print_wrapped(doubt)
    if failed:
        print_wrapped(f"{failed} images could not be used: see {folder / 'failed.csv'}.")
    networks = [_findings(run) for run in runs]
    if full:
        for section in sections:
            section.print()
        print_wrapped(caption)
    else:
        _print_brief(networks, len(used), options)
    print(f"written to {folder}\nnext: tvfs-gym adaptta sweep --outcomes {folder}")
    counts = {"images": len(used), "failed": failed}
    return {"folder": str(folder), "tau": options.tau, **counts, "networks": networks}


def _findings(run: PolicyRun) -> dict[str, Any]:
    latency_s = np.cumsum(run.seconds, axis=1)
    return {
        "name": run.network,
        "policy": run.policy,
        "one_view": float(run.correct[:, 0].mean()),
        "static": float(run.correct[:, -1].mean()),
        "adaptta": float(run.at_stop(run.correct).mean()),
        "passes": float(run.passes.mean()),
        "static_s": float(latency_s[:, -1].mean()),
        "adaptta_s": float(run.at_stop(latency_s).mean()),
    }


def _print_brief(networks: Sequence[Mapping[str, Any]], images: int, options: LiveOptions) -> None:
    """Prints every network under the policy with the most views."""
    longest = list({network["name"]: network for network in networks}.values())
    header = ("top-1, %", "1 view", "all views", "AdapTTA", "passes", "ms", "speed-up")
    rows = [
        [
            network["name"],
            *(f"{100 * network[key]:.1f}" for key in ("one_view", "static", "adaptta")),
            f"{network['passes']:.2f}",
            f"{1e3 * network['adaptta_s']:.1f}",
            f"{network['static_s'] / network['adaptta_s']:.2f}",
        ]
        for network in spread(longest, MOST_NETWORKS)
    ]
    print("\n".join(text_lines(header, rows)))
    print_wrapped(
        f"Policy {longest[0]['policy']} at tau = {options.tau:g} on {images} images: mean passes "
        "and latency of an image, and speed-up over all views. --full prints all tables."
    )


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


def policy_runs(
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
