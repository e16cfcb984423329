"""A TFLite network as a classifier of RGB views."""

from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.aggregation import Probabilities
from tvfs_gym.envs.inference.augmentation import Codes
from tvfs_gym.envs.inference.runtime import interpreter, runtime, runtime_package, unusable
from tvfs_gym.envs.inference.tensors import class_output, picture_input, tensor_shape
from tvfs_gym.envs.inference.topology import Topology
from tvfs_gym.envs.inference.transforms import Pixels

MOST_PROBABLE, MOST_IN_ALL = 1.01, 1.5
"""Most that a probability, and all of them together, may be: rounded to 1/256, many small ones add
up to more than 1, and those below 1/512 to less."""


class TfliteClassifier:
    """Runs one topology's network; the interpreter stays resident.

    Attributes:
        topology: Network that the file must hold.
        invoke_s: Seconds spent in the network itself so far, all passes together.
    """

    def __init__(
        self, topology: Topology, models: Path, threads: int = 1, xnnpack: bool = True
    ) -> None:
        """Loads the network and checks that it fits its topology.

        Args:
            topology: The topology to load.
            models: The folder that holds its file.
            threads: CPU threads of one pass.
            xnnpack: True if the runtime may use XNNPACK.

        Raises:
            InputError: The file is missing or corrupt, its input or output does not fit, or it runs
                wrong under the runtime that is installed.
        """
        self.topology = topology
        path = models / topology.file
        if topology.runtimes and runtime_package() not in topology.runtimes:
            raise InputError(
                f"{path} gives wrong answers under {runtime()}: run pip install "
                f"{topology.runtimes[0]}."
            )
        self.invoke_s = 0.0
        self._interpreter = interpreter(path, threads, xnnpack, topology.input_px, topology.sha256)
        self._input = picture_input(path, self._interpreter.get_input_details())
        self._output = class_output(
            path, self._interpreter.get_output_details(), [topology.classes]
        )
        px, shape = topology.input_px, tensor_shape(self._input)
        if shape != (1, px, px, 3):
            raise InputError(f"{path} takes inputs of shape {shape}; expected (1, {px}, {px}, 3).")
        self._path = path
        self._pixel_codes = self._codes_of_pixels()
        self._input_tensor = self._interpreter.tensor(self._input["index"])
        self._output_tensor = self._interpreter.tensor(self._output["index"])
        self._output_values = self._values_of_outputs()

    def _codes_of_pixels(self) -> NDArray[np.generic] | None:
        """Codes of the input tensor by grey level 0..255; None if they are equal.

        real = (pixel - pixel_mean) / pixel_scale, stored as real / scale + zero_point, or as it is
        where the file gives no scale. One column where the channels are alike, else three.
        """
        mean, scale = np.broadcast_arrays(self.topology.pixel_mean, self.topology.pixel_scale)
        real = (np.arange(256)[:, np.newaxis] - np.atleast_1d(mean)) / np.atleast_1d(scale)
        dtype = self._input["dtype"]
        if np.issubdtype(dtype, np.floating):
            return real.astype(dtype)
        step, zero_point = self._input["quantization"]
        limits = np.iinfo(dtype)
        codes = np.round(real / (step or 1.0) + zero_point)
        codes = np.clip(codes, limits.min, limits.max).astype(dtype)
        equal = dtype == np.uint8 and (codes == np.arange(256)[:, np.newaxis]).all()
        return None if equal else codes

    def _values_of_outputs(self) -> Probabilities | None:
        """Values of the output tensor's codes; None if it holds the values themselves.

        Signed codes come as indices from the end, as NumPy reads them.
        """
        step, zero_point = self._output["quantization"]
        if step == 0:  # TFLite's mark for "not quantised"
            return None
        dtype = np.dtype(self._output["dtype"])
        codes = np.arange(256**dtype.itemsize, dtype=f"u{dtype.itemsize}").view(dtype)
        return ((codes.astype(np.float32) - zero_point) * step).astype(np.float32)

    def encode(self, pixels: Pixels) -> Codes:
        """RGB pixels of shape (..., 3) as the input tensor holds them, element by element."""
        if self._pixel_codes is None:
            return pixels
        if self._pixel_codes.shape[1] == 1:
            return np.take(self._pixel_codes, pixels)
        return self._pixel_codes[pixels, np.arange(3)]

    def run(self, codes: Codes) -> Probabilities:
        """Runs one pass.

        Args:
            codes: A view as from `encode`, shape (input_px, input_px, 3); a slice will do.

        Returns:
            The softmax output, shape (classes,). A quantised network's does not quite sum to 1,
            because its grid of 1/256 drops the tail; it is not renormalised.
        """
        # The tensors' arrays are made anew each time: TFLite refuses to run while one is held.
        self._input_tensor()[0] = codes
        before_s = perf_counter()
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise InputError(unusable(self._path, str(error))) from error
        self.invoke_s += perf_counter() - before_s
        if self._output_values is None:
            output = self._output_tensor().reshape(-1).astype(np.float32)
        else:
            output = self._output_values[self._output_tensor().reshape(-1)]
        return output if self.topology.output == "softmax" else _softmax(output)

    def probabilities(self, view: Pixels) -> Probabilities:
        """Runs one pass over RGB pixels, shape (input_px, input_px, 3); see `run`."""
        return self.run(self.encode(view))

    def check_outputs(self) -> None:
        """Runs one pass over a grey view, whose outputs must be probabilities.

        Raises:
            InputError: They are not.
        """
        px = self.topology.input_px
        output = self.probabilities(np.full((px, px, 3), 128, np.uint8))
        if is_probability(output):
            return
        remedy = ""
        if self.topology.output == "softmax" and np.isfinite(output).all():
            remedy = ': if its last layer is no softmax, write output = "logits" into its family'
        raise InputError(
            f"{self._path} gives no probabilities under {runtime()}, but {output.min():.3g} to "
            f"{output.max():.3g}{remedy}."
        )


def is_probability(output: Probabilities) -> bool:
    """True if outputs can be those of a softmax, rounded to a grid of 1/256 or not."""
    within = output.min() >= 0 and output.max() <= MOST_PROBABLE and output.sum() < MOST_IN_ALL
    return bool(np.isfinite(output).all() and within)


def _softmax(logits: NDArray[np.float32]) -> Probabilities:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum(), np.float32)
