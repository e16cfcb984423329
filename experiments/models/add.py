"""``tvfs-gym models add``: makes a topology family of a user's TFLite networks.

Inputs and outputs of a network are read from its file. Its latency is measured with one thread, in
CPU time, relative to MobileNetV1 1.0 224 where that is given, otherwise to the slowest of the
networks; likewise what a change to it from another one costs. AdapTTA's answers with it are
recorded over labelled images. The family is written as TOML with its recorded outcomes beside it;
every option ``--family`` takes it.
"""

import os
import platform
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import tomlkit

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.image_lists import read_images, unpacked
from tvfs_gym.envs.inference.labels import Labels, read_labels
from tvfs_gym.envs.inference.metadata import metadata_labels
from tvfs_gym.envs.inference.runtime import interpreter, runtime
from tvfs_gym.envs.inference.topology import Topology
from tvfs_gym.envs.toml import tomllib
from tvfs_gym.experiments.adaptta.recording import check_labels
from tvfs_gym.experiments.models.changes import change_shares
from tvfs_gym.experiments.models.fetch import IDENTIFIER
from tvfs_gym.experiments.models.network_options import OptionTexts
from tvfs_gym.experiments.models.reading import read_network
from tvfs_gym.experiments.models.record import (
    ACCURACIES,
    MOST_NETWORKS,
    accuracy_cells,
    check_outputs,
    images_of,
    record_networks,
    unfinished,
)
from tvfs_gym.experiments.results.tables import print_wrapped, spread, text_lines

ROUNDS = 15
"""Rounds in which every network is timed once; a ratio is the median of the rounds' ratios."""

ROUND_S = 0.02
"""Least CPU time of a network in a round, s."""


def add_family(
    networks: Sequence[Path],
    variants: Sequence[Path],
    labels: Path | None,
    images: Path,
    output: Path,
    description: str,
    reference: Path | None,
    options: OptionTexts,
    full: bool = False,
) -> dict[str, Any]:
    """Writes a family and its recorded outcomes.

    Args:
        networks: Networks of the family, all in one folder.
        variants: Networks of the same folder that are recorded, but that no controller chooses.
        labels: Label list; None for the one within the first network's file.
        images: Labelled images: CSV list, its folder, a folder of images per class, or a zip
            archive of one of these.
        output: TOML file to write; the outcomes go beside it.
        description: Description of the family.
        reference: MobileNetV1 1.0 224 as TFLite, the reference of the relative latencies.
        options: What the user says of the networks.
        full: True to print what was understood of every network, and all of them at the end.

    Returns:
        family, the file, and what `tvfs_gym.experiments.models.record.record_networks` returns.

    Raises:
        InputError: A network, the labels or the images cannot be used, or a file exists already.
    """
    if output.suffix != ".toml":
        raise InputError(f"a family is a TOML file: name {output}.toml, not {output}.")
    check_outputs(output.with_suffix(".npz"), output)
    files = [*networks, *variants]
    for file in files:
        if not file.is_file():
            raise InputError(f"there is no file {file}.")
        if not is_network(file):
            raise InputError(f"{file} is no TFLite network: name .tflite files.")
    if len({file.resolve().parent for file in files}) > 1:
        raise InputError("the networks of a family must lie in one folder.")
    by_network = options.by_network(files)
    names = _labels(labels, files[0])
    with unpacked(images) as folder:
        found = read_images(folder, len(names.names), names)
        for note in found.notes:
            print_wrapped(note)
        understood = [read_network(file, names, by_network[file], found.images) for file in files]
        for network in understood if full else ():
            for line in network.lines:
                print_wrapped(line)
        topologies = [network.topology for network in understood]
        check_labels(topologies, found.images)
        outcomes = output.with_suffix(".npz")
        draft = unfinished(outcomes) / "family.toml"
        family = _draft(draft, topologies)
        if family is None:
            family = _family(networks, topologies, labels, images, output, description, reference)
            write_whole(draft, tomlkit.dumps(family).encode())
        topologies = [
            Topology.model_validate(row)
            for row in [*family["topologies"], *family.get("variants", [])]
        ]
        recorded = record_networks(topologies, files[0].parent, found.images, outcomes)
    write_whole(output, tomlkit.dumps(family).encode())
    shutil.rmtree(unfinished(outcomes))
    _print_family(output, topologies, recorded, full)
    return {"family": str(output), **recorded}


def _print_family(
    output: Path, topologies: Sequence[Topology], recorded: dict[str, Any], full: bool
) -> None:
    """Prints what a controller has to choose from, and how to go on."""
    header = ("network", "input, px", "last layer", "latency", *ACCURACIES)
    rows = [
        [
            topology.name,
            str(topology.input_px),
            topology.output,
            f"{topology.relative_latency:.3g}",
            *accuracy_cells(network),
        ]
        for topology, network in zip(topologies, recorded["networks"], strict=True)
    ]
    shown = rows if full else spread(rows, MOST_NETWORKS)
    print("\n".join(text_lines(header, shown)))
    reference = topologies[0].source.split("relative to ")[1].split(";")[0]
    print_wrapped(
        f"Latency relative to {reference}; {images_of(recorded)}."
        + (" --full prints all, and how each was read." if not full else "")
    )
    print(f"family: {output}\nnext: tvfs-gym benchmark --family {output}")


def _draft(path: Path, topologies: Sequence[Topology]) -> dict[str, Any] | None:
    """The family as it was timed before an interruption; None if it was not, or of others."""
    try:
        family = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    measured = {"relative_latency", "change_share", "source"}
    rows = [*family["topologies"], *family.get("variants", [])]
    timed = [Topology.model_validate(row).model_dump(exclude=measured) for row in rows]
    read = [topology.model_dump(exclude=measured) for topology in topologies]
    return family if all(row in timed for row in read) and len(read) == len(timed) else None


def is_network(file: Path) -> bool:
    """Tells by its first bytes whether a file is a TFLite network."""
    with file.open("rb") as opened:
        return opened.read(8)[4:] == IDENTIFIER


def _labels(path: Path | None, network: Path) -> Labels:
    """The label list, or that within the first network's file."""
    labels = read_labels(path) if path is not None else metadata_labels(network)
    if labels is None:
        raise InputError(f"{network} brings no label list: give --labels.")
    return labels


def _family(
    networks: Sequence[Path],
    topologies: Sequence[Topology],
    labels: Path | None,
    images: Path,
    output: Path,
    description: str,
    reference: Path | None,
) -> dict[str, Any]:
    """Times the networks, and describes the family."""
    models = networks[0].parent
    ratios, reference_name, reference_s = _relative_latencies(topologies, models, reference)
    source = (
        f"latency: tvfs-gym models add, {runtime()}, {platform.machine()}, one thread, relative to "
        f"{reference_name} ({1e3 * reference_s:.3g} ms of CPU time per pass)"
    )
    shares = change_shares(
        [_view_pass(TfliteClassifier(topology, models)) for topology in topologies]
    )
    rows = [
        topology.model_copy(
            update={
                "relative_latency": float(f"{ratio:.4g}"),
                "change_share": float(f"{share.median:.3f}"),
                "source": f"{source}; change share: likewise, {share}",
            }
        )
        for topology, ratio, share in zip(topologies, ratios, shares, strict=True)
    ]
    members = sorted(rows[: len(networks)], key=lambda topology: topology.relative_latency)
    family: dict[str, Any] = {
        "name": output.stem,
        "description": description,
        "outcomes": output.with_suffix(".npz").name,
        "models": _relative(models.resolve(), output),
    }
    if images.suffix == ".zip":
        family["images"] = _relative(images.resolve(), output)
    if labels is not None:
        family["labels"] = _relative(labels.resolve(), output)
    family["topologies"] = [topology.model_dump(exclude_defaults=True) for topology in members]
    if len(rows) > len(networks):
        others = rows[len(networks) :]
        family["variants"] = [topology.model_dump(exclude_defaults=True) for topology in others]
    return family


def _relative_latencies(
    topologies: Sequence[Topology], models: Path, reference: Path | None
) -> tuple[list[float], str, float]:
    """Times a pass of every network in interleaved rounds, in CPU time.

    Returns:
        Latencies relative to the reference's, the reference's name, and its latency in seconds.
    """
    timed = [TfliteClassifier(topology, models) for topology in topologies]
    if reference is not None:
        loaded = interpreter(reference, 1)
        shape, outputs = loaded.get_input_details()[0]["shape"], loaded.get_output_details()[0]
        shapes = {"input_px": int(shape[1]), "classes": int(outputs["shape"][-1])}
        other = topologies[0].model_copy(
            update={"file": reference.name, "runtimes": None, **shapes}
        )
        timed.append(TfliteClassifier(other, reference.parent))
    for classifier in timed:
        _pass_s(classifier)
    rounds = np.array([[_pass_s(classifier) for classifier in timed] for _ in range(ROUNDS)])
    index = len(timed) - 1 if reference is not None else int(np.median(rounds, axis=0).argmax())
    ratios = [median(row / rounds[:, index]) for row in rounds.T[: len(topologies)]]
    name = reference.stem if reference is not None else topologies[index].name
    return ratios, name, float(np.median(rounds[:, index]))


def _view_pass(classifier: TfliteClassifier) -> Callable[[], object]:
    """A pass over a grey view."""
    px = classifier.topology.input_px
    return partial(classifier.probabilities, np.full((px, px, 3), 128, np.uint8))


def _pass_s(classifier: TfliteClassifier) -> float:
    """CPU time of one pass, s: the mean over at least `ROUND_S`."""
    run = _view_pass(classifier)
    passes, start_s = 0, process_time()
    while (elapsed_s := process_time() - start_s) < ROUND_S:
        run()
        passes += 1
    return elapsed_s / passes


def _relative(path: Path, output: Path) -> str:
    return Path(os.path.relpath(path, output.resolve().parent)).as_posix()
