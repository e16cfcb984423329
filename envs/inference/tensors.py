"""Tensors that a classifier of pictures takes and gives: what fits, and what does not and why."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tvfs_gym.envs.errors import InputError

Details = Mapping[str, Any]
"""A tensor as ``get_input_details`` of a TFLite interpreter describes it."""

RGB = 3

_NUMBERS = (np.float32, np.float16, np.uint8, np.int8, np.int16)


def picture_input(path: Path, inputs: Sequence[Details]) -> Details:
    """The only input of a network, if it is a square RGB picture.

    Args:
        path: The network, for errors.
        inputs: Its inputs.

    Raises:
        InputError: It is not.
    """
    if len(inputs) != 1:
        raise InputError(f"{path} takes {len(inputs)} inputs; expected one RGB picture.")
    shape = tensor_shape(inputs[0])
    wanted = "expected one square RGB image, (1, px, px, 3)"
    if len(shape) == 4 and shape[1] == RGB != shape[3]:
        raise InputError(
            f"{path} takes {shape}, channels first; {wanted}: convert it with the channels last."
        )
    if len(shape) == 4 and shape[3] == 1:
        raise InputError(f"{path} takes {shape}, grey pictures; {wanted}.")
    if len(shape) == 4 and shape[0] == 1 and shape[3] == RGB and shape[1] != shape[2]:
        raise InputError(f"{path} takes {shape}, pictures that are not square; {wanted}.")
    if len(shape) != 4 or shape[0] != 1 or shape[3] != RGB:
        raise InputError(f"{path} takes {shape}; {wanted}.")
    if inputs[0]["dtype"] not in _NUMBERS:
        raise InputError(
            f"{path} takes pictures as {np.dtype(inputs[0]['dtype']).name}; expected floats or "
            "integers of 8 or 16 bits."
        )
    return inputs[0]


def takes_any_size(tensor: Details) -> bool:
    """True if a picture of any height and width will do, of which the file names none."""
    signature = tensor.get("shape_signature", tensor["shape"])
    return len(signature) == 4 and -1 in [int(size) for size in signature[1:3]]


def class_output(path: Path, outputs: Sequence[Details], fitting: Sequence[int]) -> Details:
    """The output of a network that has a score for every class.

    Args:
        path: The network, for errors.
        outputs: Its outputs.
        fitting: Lengths that are right, of which it has the first if it has several.

    Raises:
        InputError: None of its outputs is one, or several are.
    """
    if len(outputs) == 1 and not _is_vector(outputs[0]):
        raise InputError(
            f"{path} gives {tensor_shape(outputs[0])}, which is no vector of classes: expected "
            "(1, classes)."
        )
    vectors = [output for output in outputs if _is_vector(output)]
    lengths = sorted({tensor_shape(output)[-1] for output in vectors})
    length = next((length for length in fitting if length in lengths), None)
    found = [output for output in vectors if tensor_shape(output)[-1] == length]
    if not found:
        given = " and ".join(map(str, lengths)) or "no vector of"
        raise InputError(
            f"{path} has {given} outputs; expected {' or '.join(map(str, fitting))}, one for each "
            "class of the label list."
        )
    if len(found) > 1:
        names = " and ".join(str(output["name"]) for output in found)
        raise InputError(
            f"{path} has {len(found)} heads of {length} outputs, {names}: export it with the one "
            "that is meant."
        )
    if found[0]["dtype"] not in _NUMBERS:
        raise InputError(
            f"{path} gives {np.dtype(found[0]['dtype']).name} numbers, which are answers, not "
            "scores: expected floats or integers of 8 or 16 bits."
        )
    return found[0]


def _is_vector(output: Details) -> bool:
    shape = tensor_shape(output)
    return len(shape) > 0 and shape[-1] > 1 and int(np.prod(shape)) == shape[-1]


def tensor_shape(tensor: Details) -> tuple[int, ...]:
    """Shape of a tensor as plain numbers."""
    return tuple(int(size) for size in tensor["shape"])
