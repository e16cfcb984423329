"""``tvfs-gym adaptta live``: real networks over labelled images.

Every view of every image is run once; what AdapTTA would have done follows from the views' outputs
and times. A folder is written with

- ``views/``: the outputs and seconds of every view, in chunks as they are computed,
- ``outcomes.npz`` (as ``tvfs-gym dev record`` writes) and ``seconds.npz``, for ``adaptta sweep``,
- ``frames.parquet``: a row per image, network and policy,
- ``table.md``, ``failed.csv``, figures, and the provenance of the run.

The same command with the same ``--output`` resumes an interrupted run.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.adaptta import AdapTTA
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.image_lists import LabelledImage, read_images
from tvfs_gym.envs.inference.runtime import runtime, runtime_package
from tvfs_gym.envs.inference.topology import Topology, load_family
from tvfs_gym.experiments.adaptta.live_options import LiveOptions
from tvfs_gym.experiments.adaptta.recording import check_labels, checked_hashes, listing_sha256
from tvfs_gym.experiments.adaptta.report import write_live_report
from tvfs_gym.experiments.adaptta.view_store import CHUNK, ViewOutputs, chunk_file, save_chunk
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import write_provenance
from tvfs_gym.experiments.results.resuming import resumed_folder
from tvfs_gym.experiments.results.tables import print_wrapped
from tvfs_gym.experiments.results.unfinished import finish


def run_live(
    family_name: str,
    topology_names: Sequence[str],
    models: Path,
    images: Path,
    options: LiveOptions,
    output: Path | None,
    full: bool = False,
) -> dict[str, Any]:
    """Runs the networks, writes the folder, and prints what came out.

    Args:
        family_name: Topology family.
        topology_names: Topologies of the family; if empty, all whose files are in the folder.
        models: Folder with their files.
        images: CSV list, a folder that holds one, or a folder with a folder of images per class.
        options: Options of AdapTTA and of the runtime.
        output: Folder to write or to resume; None for the next free one under ``results/``.
        full: True to print every table.

    Returns:
        See `tvfs_gym.experiments.adaptta.report.write_live_report`.

    Raises:
        InputError: A network, an image list or an option cannot be used, or the folder holds
            another run's results.
    """
    options.cut()  # refuses unknown names before anything is written
    topologies = _present(family_name, topology_names, models)
    first = topologies[0]
    labels = load_family(family_name).class_labels
    found = read_images(images, first.classes - first.label_offset, labels)
    for note in found.notes:
        print_wrapped(note)
    labelled = found.images
    check_labels(topologies, labelled)
    config = {
        "family": family_name,
        "topologies": [topology.name for topology in topologies],
        "networks_sha256": checked_hashes(topologies, models),
        "images": str(images),
        "images_listed": len(labelled),
        "images_sha256": listing_sha256(labelled),
        "runtime": runtime(),
        **asdict(options),
    }
    folder = resumed_folder(output, "adaptta", config)
    write_provenance(folder, config)
    _run_views(topologies, models, labelled, options, folder)
    findings = write_live_report(folder, labelled, topologies, options, full)
    finish(folder)
    return findings


def _present(family_name: str, names: Sequence[str], models: Path) -> tuple[Topology, ...]:
    """The named networks, or all in the folder that run right under this runtime."""
    topologies = load_family(family_name).recordable(names)
    if names:
        return topologies
    usable, left_out = [], []
    for topology in topologies:
        if not (models / topology.file).is_file():
            left_out.append(f"{topology.name} is left out: there is no {models / topology.file}.")
        elif topology.runtimes and runtime_package() not in topology.runtimes:
            left_out.append(f"{topology.name} is left out: wrong answers under {runtime()}.")
        else:
            usable.append(topology)
    if not usable:
        raise InputError(f"{models} holds no network of the family {family_name}.")
    for line in left_out:
        print_wrapped(line)
    return tuple(usable)


def _run_views(
    topologies: Sequence[Topology],
    models: Path,
    images: Sequence[LabelledImage],
    options: LiveOptions,
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


def _adaptta(topology: Topology, models: Path, options: LiveOptions) -> AdapTTA:
    classifier = TfliteClassifier(topology, models, options.threads, options.xnnpack)
    grey = np.full((64, 64, 3), 128, np.uint8)
    adaptta = AdapTTA(classifier, options.policy, order=options.view_order, geometry=options.cut())
    list(adaptta.outputs(grey))  # the first pass allocates memory, which is not part of a latency
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
