"""``tvfs-gym dev record``: records what networks answer to labelled photographs.

What is recorded is kept in a folder beside the output until all is done: the same command goes on
where it stopped. Images that cannot be used are left out, and listed in a file beside the output.
"""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
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
from tvfs_gym.experiments.models.doubts import accuracy_lines
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import CONFIG, checked_output, read_json


def record_family(
    family_name: str, topology_names: Sequence[str], models: Path, images: Path, output: Path
) -> dict[str, Any]:
    """Records networks of a family, its variants included, over labelled images.

    Args:
        family_name: Name of the family, or its TOML file.
        topology_names: Topologies of the family; all if empty.
        models: Folder with their files.
        images: CSV list, the folder that holds it, a folder of images per class, or an archive.
        output: Recorded outcomes to write, .npz.

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
            print(note)
        check_labels(topologies, found.images)
        recorded = record_networks(topologies, models, found.images, output)
    shutil.rmtree(unfinished(output))
    return recorded


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
    """Records networks, or goes on with it, and prints how many answers are right.

    The folder of `unfinished` is left for the caller to remove once all is written.

    Args:
        topologies: Networks.
        models: Folder with their files.
        images: Labelled images.
        output: Recorded outcomes to write, .npz.

    Returns:
        outcomes, the file; images, how many were used; networks, each with name, one_view and
        all_views, shares of right answers.

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
    for line in accuracy_lines(outcomes, {topology.name: topology for topology in topologies}):
        print(line)
    print(f"{output}: {len(topologies)} networks, {_images(outcomes.truth)}")
    right = {name: outcomes.correct(name).mean(axis=0) for name in outcomes.recordings}
    networks = [
        {"name": name, "one_view": float(shares[0]), "all_views": float(shares[-1])}
        for name, shares in right.items()
    ]
    return {"outcomes": str(output), "images": len(used), "networks": networks}


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
    print(f"left out: {len(failures)} of {len(images)} images could not be used; {path} says why.")


def _images(truth: NDArray[np.int32]) -> str:
    """Number of images, and of those that design time and run time see."""
    if len(truth) < 2:
        return "1 image, which design time and run time share"
    parts = halves(truth)
    shares = f"{len(parts.design)} for design time and {len(parts.run)} for run time"
    return f"{len(truth)} images, {shares}"
