"""``tvfs-gym models add``: makes a topology family of a user's TFLite networks.

Inputs and outputs of a network are read from its file. Its latency is measured with one thread, in
CPU time, relative to MobileNetV1 1.0 224 where that is given, otherwise to the slowest of the
networks; likewise what a change to it from another one costs. AdapTTA's answers with it are
recorded over labelled images. The family is written as TOML with its recorded outcomes beside it;
every option ``--family`` takes it.
"""

import os
import platform
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
import tomlkit

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.images import unpack_images
from tvfs_gym.envs.inference.runtime import interpreter, runtime
from tvfs_gym.envs.inference.topology import Topology
from tvfs_gym.experiments.models.changes import change_shares
from tvfs_gym.experiments.models.record import record_family
from tvfs_gym.experiments.results.folder import checked_output

ROUNDS = 15
"""Rounds in which every network is timed once; a ratio is the median of the rounds' ratios."""

ROUND_S = 0.02
"""Least CPU time of a network in a round, s."""

GREY_SPAN, GREY_TOLERANCE = 2.0, 0.02
"""Span of an int8 input, -1..1, whose codes are the grey levels less 128."""


@dataclass(frozen=True)
class Normalisation:
    """Normalisation of the pixels that the networks expect, if the user gives it.

    Attributes:
        mean: Grey level that is read as 0; None to read both from the file.
        scale: Grey levels per unit of the real-valued input; None to read both from the file.
    """

    mean: float | None = None
    scale: float | None = None


def add_family(
    networks: Sequence[Path],
    variants: Sequence[Path],
    labels: Path,
    images: Path,
    output: Path,
    description: str,
    reference: Path | None,
    normalisation: Normalisation,
) -> None:
    """Writes a family and its recorded outcomes.

    Args:
        networks: Networks of the family, all in one folder.
        variants: Networks of the same folder that are recorded, but that no controller chooses.
        labels: Text file with a class name per line.
        images: Labelled images: CSV list, its folder, or a zip archive with ``images.csv`` in it.
        output: TOML file to write; the outcomes go beside it.
        description: Description of the family.
        reference: MobileNetV1 1.0 224 as TFLite, the reference of the relative latencies.
        normalisation: Normalisation of the pixels.

    Raises:
        InputError: A network, the labels or the images cannot be used, or a file exists already.
    """
    if output.suffix != ".toml":
        raise InputError(f"a family is a TOML file: name {output}.toml, not {output}.")
    outcomes = output.with_suffix(".npz")
    checked_output(output)
    checked_output(outcomes)
    files = [*networks, *variants]
    folders = {file.resolve().parent for file in files}
    if len(folders) > 1:
        raise InputError("the networks of a family must lie in one folder.")
    classes = _class_count(labels)
    topologies = [_topology(network, classes, normalisation) for network in files]
    ratios, reference_name, reference_s = _relative_latencies(
        topologies, files[0].parent, reference
    )
    source = (
        f"latency: tvfs-gym models add, {runtime()}, {platform.machine()}, one thread, relative to "
        f"{reference_name} ({1e3 * reference_s:.3g} ms of CPU time per pass)"
    )
    shares = change_shares(
        [_view_pass(TfliteClassifier(topology, files[0].parent)) for topology in topologies]
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
    family: dict[str, Any] = {"name": output.stem, "description": description}
    family |= {"outcomes": outcomes.name, "models": _relative(folders.pop(), output)}
    if images.suffix == ".zip":
        family["images"] = _relative(images.resolve(), output)
    family["topologies"] = [topology.model_dump(exclude_defaults=True) for topology in members]
    if variants:
        others = rows[len(networks) :]
        family["variants"] = [topology.model_dump(exclude_defaults=True) for topology in others]
    output.write_text(tomlkit.dumps(family), encoding="utf-8")
    try:
        with ExitStack() as stack:
            if images.suffix == ".zip":
                folder = Path(stack.enter_context(TemporaryDirectory()))
                unpack_images(images, folder)
                images = folder
            record_family(str(output), [], files[0].parent, images, outcomes)
    except BaseException:
        output.unlink()
        raise
    for topology in members:
        print(
            f"{topology.name}: {topology.input_px} px, relative latency "
            f"{topology.relative_latency:g}, change share {topology.change_share:g}"
        )
    print(f"{output}: family {output.stem}; latencies relative to {reference_name}")


def _class_count(labels: Path) -> int:
    """Number of classes in a label list, without a first line "background"."""
    try:
        names = labels.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise InputError(f"cannot read the label list {labels}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{labels} is not a label list: {error}.") from error
    while names and not names[-1].strip():
        names.pop()
    if not names:
        raise InputError(f"the label list {labels} names no class.")
    return len(names) - (names[0].strip().lower() == "background")


def _topology(network: Path, classes: int, normalisation: Normalisation) -> Topology:
    """Reads inputs and outputs of a network from its file, all but its latency."""
    loaded = interpreter(network, 1)
    inputs, outputs = loaded.get_input_details(), loaded.get_output_details()
    shape = tuple(int(size) for size in inputs[0]["shape"])
    if (
        len(inputs) != 1
        or len(shape) != 4
        or shape[0] != 1
        or shape[1] != shape[2]
        or shape[3] != 3
    ):
        raise InputError(f"{network} takes {shape}; expected one square RGB image, (1, px, px, 3).")
    count = int(outputs[0]["shape"][-1])
    if count - classes not in (0, 1):
        raise InputError(
            f"{network} has {count} outputs; the label list names {classes} classes, so expected "
            f"{classes}, or {classes + 1} with background."
        )
    mean, scale = _normalisation(network, inputs[0], normalisation)
    name = network.stem
    width = re.search(rf"_(\d+(?:\.\d+)?)_{shape[1]}(?:_|$)", name)  # mobilenet_v1_0.25_128_quant
    return Topology(
        name=name,
        file=network.name,
        sha256=sha256(network.read_bytes()).hexdigest(),
        width=float(width[1]) if width else None,
        input_px=shape[1],
        classes=count,
        label_offset=count - classes,
        pixel_mean=mean,
        pixel_scale=scale,
        relative_latency=1.0,
        source="not measured yet",
    )


def _normalisation(
    network: Path, details: dict[str, Any], requested: Normalisation
) -> tuple[float, float]:
    """Pixel mean and scale, from the user or, where its codes are grey levels, from the file.

    A uint8 code is taken for the grey level itself; an int8 code for the grey level less 128 if the
    input spans -1..1. Neither holds for an input calibrated to another span, or a float input.
    """
    if requested.mean is not None and requested.scale is not None:
        return requested.mean, requested.scale
    step, zero_point = details["quantization"]
    spans_greys = abs(255 * step - GREY_SPAN) <= GREY_TOLERANCE
    if details["dtype"] == np.uint8 or (details["dtype"] == np.int8 and spans_greys):
        return float(zero_point - np.iinfo(details["dtype"]).min), float(f"{1 / step:.6g}")
    raise InputError(
        f"{network} does not say how its {np.dtype(details['dtype']).name} input encodes grey "
        "levels: give --pixel-mean and --pixel-scale."
    )


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
