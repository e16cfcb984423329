"""A TFLite network as a classifier of RGB views."""

from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.aggregation import Probabilities
from tvfs_gym.envs.inference.augmentation import Codes
from tvfs_gym.envs.inference.runtime import interpreter, runtime, runtime_package
from tvfs_gym.envs.inference.topology import Topology
from tvfs_gym.envs.inference.transforms import Pixels


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
        self._interpreter = interpreter(path, threads, xnnpack)
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self._check(path)
        self._pixel_codes = self._codes_of_pixels()
        self._input_tensor = self._interpreter.tensor(self._input["index"])
        self._output_tensor = self._interpreter.tensor(self._output["index"])
        self._output_values = self._values_of_outputs()

    def _check(self, path: Path) -> None:
        px, classes = self.topology.input_px, self.topology.classes
        shape, outputs = tuple(map(int, self._input["shape"])), int(self._output["shape"][-1])
        if shape != (1, px, px, 3):
            raise InputError(f"{path} takes inputs of shape {shape}; expected (1, {px}, {px}, 3).")
        if outputs != classes:
            raise InputError(f"{path} has {outputs} outputs; expected {classes} labels.")

    def _codes_of_pixels(self) -> NDArray[np.generic] | None:
        """Codes of the input tensor by grey level 0..255; None if they are equal.

        real = (pixel - pixel_mean) / pixel_scale, stored as real / scale + zero_point.
        """
        real = (np.arange(256) - self.topology.pixel_mean) / self.topology.pixel_scale
        dtype = self._input["dtype"]
        if dtype == np.float32:
            return real.astype(np.float32)
        scale, zero_point = self._input["quantization"]
        limits = np.iinfo(dtype)
        codes = np.clip(np.round(real / scale + zero_point), limits.min, limits.max).astype(dtype)
        return None if np.array_equal(codes, np.arange(256)) else codes

    def _values_of_outputs(self) -> Probabilities | None:
        """Values of the output tensor's codes; None if the output is float already.

        Signed codes come as indices from the end, as NumPy reads them.
        """
        scale, zero_point = self._output["quantization"]
        if scale == 0:  # TFLite's mark for "not quantised"
            return None
        codes = np.arange(256, dtype=np.uint8).view(self._output["dtype"])
        return ((codes.astype(np.float32) - zero_point) * scale).astype(np.float32)

    def encode(self, pixels: Pixels) -> Codes:
        """RGB pixels of any shape as the input tensor holds them, element by element."""
        return pixels if self._pixel_codes is None else np.take(self._pixel_codes, pixels)

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
        self._interpreter.invoke()
        self.invoke_s += perf_counter() - before_s
        if self._output_values is None:
            output = self._output_tensor()[0].astype(np.float32)
        else:
            output = self._output_values[self._output_tensor()[0]]
        return output if self.topology.output == "softmax" else _softmax(output)

    def probabilities(self, view: Pixels) -> Probabilities:
        """Runs one pass over RGB pixels, shape (input_px, input_px, 3); see `run`."""
        return self.run(self.encode(view))


def _softmax(logits: NDArray[np.float32]) -> Probabilities:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum(), np.float32)
