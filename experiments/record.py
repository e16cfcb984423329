"""``tvfs-gym record``: runs real networks over labelled photographs and writes their outcomes."""

import os
import shlex
import sys
from pathlib import Path

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.images import read_image_list
from tvfs_gym.envs.inference.recording import record
from tvfs_gym.envs.inference.topology import Topology, load_family
from tvfs_gym.experiments.progress import progress_bar


def run(family_name: str, models: Path, images: Path, output: Path) -> None:
    """Records every network of a family, its variants included, over a list of images.

    Raises:
        InputError: A network, an image or the list cannot be used, or the output file exists.
    """
    if output.exists():
        raise InputError(f"{output} already exists: name another file or remove it.")
    family = load_family(family_name)
    topologies = family.topologies + family.variants
    labelled = read_image_list(images)
    command = shlex.join(["tvfs-gym", *sys.argv[1:]])
    with progress_bar() as bar:
        task = bar.add_task("recording", total=len(topologies) * len(labelled))

        def on_images_done(topology: Topology, count: int) -> None:
            bar.update(task, advance=count, description=topology.name)

        outcomes = record(
            topologies, models, labelled, command, os.cpu_count() or 1, on_images_done
        )
    outcomes.save(output)
    print(f"{output}: {len(topologies)} networks, {len(labelled)} images")
