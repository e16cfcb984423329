"""What ``tvfs-gym models add`` understands of a network's file before it times anything."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.aggregation import Probabilities
from tvfs_gym.envs.inference.augmentation import views
from tvfs_gym.envs.inference.classifier import (
    MOST_IN_ALL,
    MOST_PROBABLE,
    TfliteClassifier,
    is_probability,
)
from tvfs_gym.envs.inference.image_lists import LabelledImage
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.labels import Labels, first_names
from tvfs_gym.envs.inference.metadata import metadata_normalisation
from tvfs_gym.envs.inference.runtime import interpreter
from tvfs_gym.envs.inference.tensors import (
    class_output,
    picture_input,
    takes_any_size,
    tensor_shape,
)
from tvfs_gym.envs.inference.topology import PerChannel, Topology
from tvfs_gym.experiments.models.network_options import NetworkOptions

TRIED = 8
"""Pictures whose outputs show whether a network ends in a softmax."""

SUM_TOLERANCE = 0.02
"""Difference from 1 up to which the outputs of a float network are those of a softmax."""

INT8_SPANS = (1.0, 2.0, 255.0)
"""Spans of an int8 input whose codes are the grey levels less 128: of 0..1, -1..1 and 0..255."""

SPAN_TOLERANCE = 0.01


@dataclass(frozen=True)
class Understood:
    """A network as it was read.

    Attributes:
        topology: Its topology, all but the latency.
        lines: What was understood, for people.
    """

    topology: Topology
    lines: tuple[str, ...]


def read_network(
    network: Path, labels: Labels, options: NetworkOptions, images: Sequence[LabelledImage]
) -> Understood:
    """Reads a network's input and outputs from its file, and tries it on a few pictures.

    Args:
        network: The .tflite file.
        labels: Names of its classes.
        options: What the user says of it.
        images: Pictures, of which a few are tried.

    Raises:
        InputError: It does not classify RGB pictures into these classes, or does not tell how.
    """
    picture = interpreter(network, 1, input_px=options.input_px)
    taken = picture_input(network, picture.get_input_details())
    if takes_any_size(taken) and options.input_px is None:
        raise InputError(f"{network} takes pictures of any size: give --input-px.")
    px = tensor_shape(taken)[1]
    if options.input_px not in (None, px):
        raise InputError(f"{network} takes {px} x {px} px; --input-px is {options.input_px}.")
    count = len(labels.names)
    fitting = [count + 1, count] if labels.background_first else [count, count + 1]
    given = class_output(network, picture.get_output_details(), fitting)
    classes = tensor_shape(given)[-1]
    offset = classes - count if options.label_offset is None else options.label_offset
    mean, scale, how = _normalisation(network, taken, options)
    width = re.search(rf"_(\d+(?:\.\d+)?)_{px}(?:_|$)", network.stem)  # mobilenet_v1_0.25_128_quant
    topology = Topology(
        name=network.stem,
        file=network.name,
        sha256=sha256(network.read_bytes()).hexdigest(),
        width=float(width[1]) if width else None,
        input_px=px,
        classes=classes,
        label_offset=offset,
        pixel_mean=mean,
        pixel_scale=scale,
        relative_latency=1.0,
        source="not measured yet",
    )
    last_layer, why = _last_layer(topology, network, options, images)
    names = first_names(labels.names)
    background = []
    if offset == 1:
        unnamed = "" if labels.background_first else ", which the label list does not name"
        background = [f"  index 0 is the background{unnamed}"]
    lines = (
        f"{network.stem}: {px} x {px} px, {np.dtype(taken['dtype']).name}; {how}",
        f"  {classes} outputs, label offset {offset}: {names}",
        *background,
        f"  last layer: {last_layer} ({why})",
    )
    return Understood(topology.model_copy(update={"output": last_layer}), lines)


def _normalisation(
    network: Path, details: Any, options: NetworkOptions
) -> tuple[PerChannel, PerChannel, str]:
    """Pixel mean and scale, and where they come from: the user, the codes, or the metadata.

    A uint8 code is taken for the grey level itself; an int8 code for the grey level less 128 if
    the input spans 0..1, -1..1 or 0..255. Neither holds for an input calibrated to another span.
    """
    if options.pixel_mean is not None and options.pixel_scale is not None:
        return options.pixel_mean, options.pixel_scale, _said(options, "as given")
    dtype = np.dtype(details["dtype"])
    step, zero_point = details["quantization"]
    spans_greys = any(abs(255 * step / span - 1) <= SPAN_TOLERANCE for span in INT8_SPANS)
    if dtype == np.uint8 and step == 0:
        return 0.0, 1.0, "its numbers are grey levels"
    if dtype == np.uint8 or (dtype == np.int8 and spans_greys):
        mean, scale = float(zero_point - np.iinfo(dtype).min), float(f"{1 / step:.6g}")
        less = "" if dtype == np.uint8 else " less 128"
        return mean, scale, f"codes are grey levels{less} (mean {mean:g}, scale {scale:g})"
    found = metadata_normalisation(network)
    if found is not None:
        of_file = NetworkOptions(_channels(found.mean), _channels(found.scale))
        if of_file.pixel_mean is not None and of_file.pixel_scale is not None:
            said = _said(of_file, "by its metadata")
            return of_file.pixel_mean, of_file.pixel_scale, said
    raise InputError(
        f"{network} does not say how its {dtype.name} input encodes grey levels: give --pixel-mean "
        "and --pixel-scale, e.g. 127.5 and 127.5 for -1 to 1, or 0 and 255 for 0 to 1."
    )


def _said(options: NetworkOptions, origin: str) -> str:
    def text(value: PerChannel | None) -> str:
        return f"{value:g}" if isinstance(value, float) else ",".join(f"{v:g}" for v in value or ())

    return f"mean {text(options.pixel_mean)}, scale {text(options.pixel_scale)}, {origin}"


def _channels(values: Sequence[float]) -> PerChannel | None:
    if len(set(values)) == 1:
        return values[0]
    return (values[0], values[1], values[2]) if len(values) == 3 else None


def _last_layer(
    topology: Topology, network: Path, options: NetworkOptions, images: Sequence[LabelledImage]
) -> tuple[str, str]:
    """Kind of the last layer, and how it is known.

    Raises:
        InputError: The outputs are neither a softmax' nor clearly logits.
    """
    outputs = _tried(topology, network, images)
    if options.last_layer is not None:
        return options.last_layer, "as given"
    values = np.concatenate(outputs)
    if not np.isfinite(values).all():
        raise InputError(f"{network} gives outputs that are no numbers.")
    seen = f"outputs from {values.min():.3g} to {values.max():.3g}"
    if values.min() < 0 or values.max() > MOST_PROBABLE:
        return "logits", f"guessed: {seen}; softmax is applied"
    sums = [float(output.sum()) for output in outputs]
    if all(map(is_probability, outputs)) and _adds_up(topology, network, sums):
        return "softmax", f"outputs add up to {min(sums):.2f} to {max(sums):.2f}"
    raise InputError(
        f"{network} gives {seen}, which add up to {max(sums):.3g}: no softmax, and perhaps scores "
        "of independent classes; give --last-layer softmax to take them for confidences as they "
        "are, or --last-layer logits."
    )


def _adds_up(topology: Topology, network: Path, sums: Sequence[float]) -> bool:
    """True if sums are those of a softmax; what is quantised loses its small outputs."""
    outputs = interpreter(network, 1, input_px=topology.input_px).get_output_details()
    if class_output(network, outputs, [topology.classes])["quantization"][0]:
        return max(sums) < MOST_IN_ALL
    return all(abs(total - 1) < SUM_TOLERANCE for total in sums)


def _tried(
    topology: Topology, network: Path, images: Sequence[LabelledImage]
) -> list[Probabilities]:
    """Outputs as they are, of the centre view of a few pictures, and of a grey one."""
    classifier = TfliteClassifier(topology, network.parent)
    px = topology.input_px
    outputs = [classifier.probabilities(np.full((px, px, 3), 128, np.uint8))]
    for index in np.unique(np.linspace(0, len(images) - 1, TRIED).astype(int)):
        try:
            image = open_image(images[index].path)
            outputs.append(classifier.run(next(views(image, px, encode=classifier.encode))))
        except InputError:
            continue  # listed when it is recorded
    return outputs
