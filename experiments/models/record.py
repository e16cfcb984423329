"""``tvfs-gym dev record``: records what networks answer to labelled photographs.

What is recorded is kept in a folder beside the output until all is done: the same command goes on
where it stopped. Images that cannot be used are left out, and listed in a file beside the output.
"""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.inference.image_lists import LabelledImage, read_images, unpacked
from tvfs_gym.envs.inference.outcomes import RecordedOutcomes, Recording, halves
from tvfs_gym.envs.inference.runtime import runtime
from tvfs_gym.envs.inference.topology import Topology, load_family
from tvfs_gym.experiments.adaptta.recording import (
    RecordedChunk,
    check_labels,
    checked_hashes,
    listing_sha256,
    provenance_of,
    record_images,
    write_failures,
)
from tvfs_gym.experiments.models.doubts import label_doubts
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import CONFIG, checked_output, read_json
from tvfs_gym.experiments.results.tables import print_wrapped, spread, text_lines

MOST_NETWORKS = 8
"""Networks that fit one screen."""

ACCURACIES = ("1 view, %", "all views, %")
"""Headings of `accuracy_cells`."""


def record_family(
    family_name: str,
    topology_names: Sequence[str],
    models: Path,
    images: Path,
    output: Path,
    full: bool = False,
) -> dict[str, Any]:
    """Records networks of a family, its variants included, over labelled images; prints shares.

    Args:
        family_name: Name of the family, or its TOML file.
        topology_names: Topologies of the family; all if empty.
        models: Folder with their files.
        images: CSV list, the folder that holds it, a folder of images per class, or an archive.
        output: Recorded outcomes to write, .npz.
        full: True to print every network.

    Returns:
        See `record_networks`.

    Raises:
        InputError: A network or the list cannot be used, no image can, or the output file exists.
    """
    if output.suffix != ".npz":
        raise InputError(f"recorded outcomes are .npz files: name {output}.npz, not {output}.")
    check_outputs(output)
    family = load_family(family_name)
    topologies = family.recordable(topology_names)
    with unpacked(images) as folder:
        classes = topologies[0].classes - topologies[0].label_offset
        found = read_images(folder, classes, family.class_labels)
        for note in found.notes:
            print_wrapped(note)
        check_labels(topologies, found.images)
        recorded = record_networks(topologies, models, found.images, output)
    shutil.rmtree(unfinished(output))
    networks = recorded["networks"]
    shown = networks if full else spread(networks, MOST_NETWORKS)
    rows = [[network["name"], *accuracy_cells(network)] for network in shown]
    print("\n".join(text_lines(("right answers", *ACCURACIES), rows)))
    print_wrapped(
        f"{output}: {len(networks)} networks, {images_of(recorded)}."
        + ("" if len(shown) == len(networks) else " --full prints all.")
    )
    return recorded


def accuracy_cells(network: Mapping[str, Any]) -> list[str]:
    """Shares of right answers of a recorded network, %."""
    return [f"{100 * network[key]:.1f}" for key in ("one_view", "all_views")]


def images_of(recorded: Mapping[str, Any]) -> str:
    """Number of recorded images, and of those that design time and run time see."""
    if recorded["images"] < 2:
        return "1 image, which design time and run time share"
    shares = f"{recorded['design']} for design time and {recorded['run']} for run time"
    return f"{recorded['images']} images, {shares}"


def unfinished(output: Path) -> Path:
    """Folder of a recording until it is complete."""
    return output.with_suffix(".recording")


def check_outputs(outcomes: Path, *others: Path) -> None:
    """Checks that files can be written, unless this is to go on with a recording of them.

    Args:
        outcomes: Recorded outcomes to write.
        others: Files that are written with them.

    Raises:
        InputError: One exists, or its folder does not.
    """
    if not (unfinished(outcomes) / CONFIG).is_file():
        for path in (*others, outcomes):
            checked_output(path)


def record_networks(
    topologies: Sequence[Topology], models: Path, images: Sequence[LabelledImage], output: Path
) -> dict[str, Any]:
    """Records networks, or goes on with it, and prints doubts about their labels.

    The folder of `unfinished` is left for the caller to remove once all is written.

    Args:
        topologies: Networks.
        models: Folder with their files.
        images: Labelled images.
        output: Recorded outcomes to write, .npz.

    Returns:
        outcomes, the file; images, how many were used; design and run, how many of them design time
        and run time see; networks, each with name, one_view and all_views, shares of right answers.

    Raises:
        InputError: A network cannot be used, no image can, or another recording was begun here.
    """
    hashes = checked_hashes(topologies, models)
    folder = unfinished(output)
    _begin_or_resume(folder, hashes, images)
    with progress_bar() as bar:
        task = bar.add_task("recording", total=len(topologies) * len(images))

        def on_images_done(topology: Topology, count: int) -> None:
            bar.update(task, advance=count, description=topology.name)

        recorded = record_images(
            topologies, models, images, folder, os.cpu_count() or 1, on_images_done
        )
    usable = np.logical_and.reduce([chunk.errors == "" for chunk in recorded.values()])
    _list_failures(output.with_suffix(".failed.csv"), images, recorded)
    used = [image for image, good in zip(images, usable, strict=True) if good]
    if not used:
        shutil.rmtree(folder)
        first = next(str(chunk.errors[0]) for chunk in recorded.values() if chunk.errors[0])
        raise InputError(f"no image could be used: {first}")
    command = shlex.join(["tvfs-gym", *sys.argv[1:]])
    outcomes = RecordedOutcomes(
        np.array([image.label for image in used], np.int32),
        {name: _only(chunk.recording, usable) for name, chunk in recorded.items()},
        provenance_of(command, hashes, used),
    )
    outcomes.save(output)
    for topology in topologies:
        answers = outcomes[topology.name].label[:, 0]
        for doubt in label_doubts(answers, outcomes.truth, topology):
            print_wrapped(doubt)
    parts = halves(outcomes.truth)
    counts = {"images": len(used), "design": len(parts.design), "run": len(parts.run)}
    right = {name: outcomes.correct(name).mean(axis=0) for name in outcomes.recordings}
    networks = [
        {"name": name, "one_view": float(shares[0]), "all_views": float(shares[-1])}
        for name, shares in right.items()
    ]
    return {"outcomes": str(output), **counts, "networks": networks}


def _begin_or_resume(folder: Path, hashes: dict[str, str], images: Sequence[LabelledImage]) -> None:
    config = {
        "networks": hashes,
        "images": listing_sha256(images),
        "runtime": runtime(),
    }
    if not (folder / CONFIG).exists():
        write_whole(folder / CONFIG, json.dumps(config).encode())
        return
    earlier = read_json(folder, CONFIG)
    different = [name for name, value in config.items() if earlier.get(name) != value]
    if different:
        raise InputError(
            f"{folder} holds an unfinished recording that differs in {' and '.join(different)}: "
            "remove it, or name another output."
        )


def _only(recording: Recording, usable: NDArray[np.bool_]) -> Recording:
    return Recording(
        recording.confidence[usable], recording.label[usable], recording.in_top5[usable]
    )


def _list_failures(
    path: Path, images: Sequence[LabelledImage], recorded: dict[str, RecordedChunk]
) -> None:
    """Lists the images that could not be used, with the reason, if there are any."""
    failures: dict[Path, str] = {}
    for chunk in recorded.values():
        for image, error in zip(images, chunk.errors, strict=True):
            if error:
                failures.setdefault(image.path, str(error))
    if not failures:
        return
    write_failures(path, failures)
    count = f"{len(failures)} of {len(images)}"
    print_wrapped(f"left out: {count} images could not be used; {path} says why.")
