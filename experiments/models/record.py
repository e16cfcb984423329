"""``tvfs-gym dev record``: records what networks answer to labelled photographs."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.images import read_image_list
from tvfs_gym.envs.inference.outcomes import halves
from tvfs_gym.envs.inference.topology import Topology, load_family
from tvfs_gym.experiments.adaptta.recording import (
    check_labels,
    checked_hashes,
    provenance_of,
    record_outcomes,
)
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import checked_output


def record_family(
    family_name: str, topology_names: Sequence[str], models: Path, images: Path, output: Path
) -> None:
    """Records networks of a family, its variants included, over a list of images.

    Args:
        family_name: Name of the family, or its TOML file.
        topology_names: Topologies of the family; all if empty.
        models: Folder with their files.
        images: CSV list, or the folder that holds it.
        output: Recorded outcomes to write, .npz.

    Raises:
        InputError: A network, an image or the list cannot be used, or the output file exists.
    """
    if output.suffix != ".npz":
        raise InputError(f"recorded outcomes are .npz files: name {output}.npz, not {output}.")
    checked_output(output)
    topologies = load_family(family_name).recordable(topology_names)
    labelled = read_image_list(images)
    check_labels(topologies, labelled)
    command = shlex.join(["tvfs-gym", *sys.argv[1:]])
    provenance = provenance_of(command, checked_hashes(topologies, models), labelled)
    with progress_bar() as bar:
        task = bar.add_task("recording", total=len(topologies) * len(labelled))

        def on_images_done(topology: Topology, count: int) -> None:
            bar.update(task, advance=count, description=topology.name)

        outcomes = record_outcomes(
            topologies, models, labelled, provenance, os.cpu_count() or 1, on_images_done
        )
    outcomes.save(output)
    print(f"{output}: {len(topologies)} networks, {_images(outcomes.truth)}")


def _images(truth: NDArray[np.int16]) -> str:
    """Number of images, and of those that design time and run time see."""
    if len(truth) < 2:
        return "1 image, which design time and run time share"
    parts = halves(truth)
    shares = f"{len(parts.design)} for design time and {len(parts.run)} for run time"
    return f"{len(truth)} images, {shares}"
