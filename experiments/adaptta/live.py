"""``tvfs-gym adaptta live``: real networks over labelled images.

Every view of every image is run once; what AdapTTA would have done follows from the views' outputs
and times. A folder is written with

- ``views/``: the outputs and seconds of every view, chunk by chunk as they come,
- ``outcomes.npz`` (as ``tvfs-gym dev record`` writes) and ``seconds.npz``, for ``adaptta sweep``,
- ``frames.parquet``: a row per image, network and policy,
- ``table.md``, ``failed.csv``, figures, and the circumstances of the run.

The same command with the same ``--output`` goes on where an interrupted one stopped.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.adaptta import AdapTTA
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.images import LabelledImage, read_images
from tvfs_gym.envs.inference.runtime import runtime, runtime_package
from tvfs_gym.envs.inference.topology import Topology, load_family
from tvfs_gym.experiments.adaptta.recording import check_labels, checked_hashes
from tvfs_gym.experiments.adaptta.report import Options, write_report
from tvfs_gym.experiments.adaptta.view_store import CHUNK, ViewOutputs, chunk_file, save_chunk
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import free_folder, read_json, write_circumstances


def run(
    family_name: str,
    topology_names: Sequence[str],
    models: Path,
    images: Path,
    options: Options,
    output: Path | None,
) -> None:
    """Runs the networks and writes the folder.

    Args:
        family_name: Topology family.
        topology_names: Which of its networks; all whose files are there if empty.
        models: Folder with their files.
        images: CSV list, a folder that holds one, or a folder with a folder of images per class.
        options: How they are run and judged.
        output: Folder to write or to go on with; None for the next free one under ``results/``.

    Raises:
        InputError: Something given cannot be used, or the folder holds another run's results.
    """
    topologies = _present(family_name, topology_names, models)
    first = topologies[0]
    labelled = read_images(images, first.classes - first.label_offset)
    check_labels(topologies, labelled)
    config = {
        "family": family_name,
        "topologies": [one.name for one in topologies],
        "networks_sha256": checked_hashes(topologies, models),
        "images": str(images),
        "images_listed": len(labelled),
        "images_sha256": _digest(labelled, images),
        "runtime": runtime(),
        **asdict(options),
    }
    folder = _folder(output, config)
    _run_views(topologies, models, labelled, options, folder)
    write_report(folder, labelled, topologies, options)


def _present(family_name: str, names: Sequence[str], models: Path) -> tuple[Topology, ...]:
    """The wanted networks, or all that are in the folder and run right here."""
    topologies = load_family(family_name).recordable(names)
    if names:
        return topologies
    usable = []
    for one in topologies:
        if not (models / one.file).is_file():
            print(f"{one.name} is left out: there is no {models / one.file}.")
        elif one.runtimes and runtime_package() not in one.runtimes:
            print(f"{one.name} is left out: it gives wrong answers under {runtime()}.")
        else:
            usable.append(one)
    if not usable:
        raise InputError(f"{models} holds no network of the family {family_name}.")
    return tuple(usable)


def _digest(images: Sequence[LabelledImage], root: Path) -> str:
    """What tells one list of images from another: paths, labels and sizes of the files."""
    rows = [
        f"{one.path},{one.label},{one.path.stat().st_size if one.path.exists() else None}"
        for one in images
    ]
    return sha256("\n".join(rows).encode()).hexdigest()


def _folder(output: Path | None, config: dict[str, Any]) -> Path:
    """The run's folder: a new one, or that of an interrupted run with the same configuration."""
    config = json.loads(json.dumps(config))
    if output is not None and (output / "config.json").is_file():
        before = read_json(output, "config.json")
        other = sorted(key for key in config if before.get(key) != config[key])
        if other:
            raise InputError(
                f"{output} holds a run that differs in {', '.join(other)}: name another folder."
            )
        return output
    folder = free_folder(output, "adaptta")
    write_circumstances(folder, config)
    return folder


def _run_views(
    topologies: Sequence[Topology],
    models: Path,
    images: Sequence[LabelledImage],
    options: Options,
    folder: Path,
) -> None:
    starts = range(0, len(images), CHUNK)
    with progress_bar() as bar:
        task = bar.add_task("running", total=len(topologies) * len(images))
        for topology in topologies:
            adaptta = None
            for start in starts:
                chunk = images[start : start + CHUNK]
                path = chunk_file(folder, topology.name, start)
                if not path.exists():
                    adaptta = adaptta or _adaptta(topology, models, options)
                    save_chunk(path, _outputs(adaptta, chunk))
                bar.update(task, advance=len(chunk), description=topology.name)


def _adaptta(topology: Topology, models: Path, options: Options) -> AdapTTA:
    classifier = TfliteClassifier(topology, models, options.threads, options.xnnpack)
    grey = np.full((64, 64, 3), 128, np.uint8)
    adaptta = AdapTTA(classifier, options.policy, order=options.order, geometry=options.geometry)
    list(adaptta.outputs(grey))  # the first pass allocates; it is nobody's latency
    return adaptta


def _outputs(adaptta: AdapTTA, images: Sequence[LabelledImage]) -> ViewOutputs:
    shape = (len(images), len(adaptta.views))
    probabilities = np.zeros((*shape, adaptta.classifier.topology.classes), np.float32)
    seconds = np.zeros(shape)
    errors = [""] * len(images)
    for row, image in enumerate(images):
        try:
            for view, (output, pass_s) in enumerate(adaptta.outputs(image.path)):
                probabilities[row, view] = output
                seconds[row, view] = pass_s
        except InputError as error:
            errors[row] = str(error)
    return ViewOutputs(probabilities, seconds, np.array(errors))
