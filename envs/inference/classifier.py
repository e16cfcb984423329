"""A TFLite network as a classifier of RGB views."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.augmentation import Pixels
from tvfs_gym.envs.inference.runtime import interpreter, runtime, runtime_package
from tvfs_gym.envs.inference.topology import Topology

Probabilities = NDArray[np.float32]


class TfliteClassifier:
    """Runs one topology's network; the interpreter stays resident.

    Attributes:
        topology: What the file must hold.
    """

    def __init__(self, topology: Topology, models: Path, threads: int = 1) -> None:
        """Loads the network and checks that it fits its topology.

        Args:
            topology: The topology to load.
            models: The folder that holds its file.
            threads: CPU threads of one pass.

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
        self._interpreter = interpreter(path, threads)
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self._check(path)
        self._pixel_codes = self._codes_of_pixels()

    def _check(self, path: Path) -> None:
        px, classes = self.topology.input_px, self.topology.classes
        shape, outputs = tuple(self._input["shape"]), int(self._output["shape"][-1])
        if shape != (1, px, px, 3):
            raise InputError(f"{path} takes inputs of shape {shape}; expected (1, {px}, {px}, 3).")
        if outputs != classes:
            raise InputError(f"{path} has {outputs} outputs; expected {classes} labels.")

    def _codes_of_pixels(self) -> NDArray[np.generic] | None:
        """What each grey level 0..255 becomes in the input tensor; None if it stays as it is.

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

    def probabilities(self, view: Pixels) -> Probabilities:
        """Runs one pass.

        Args:
            view: RGB pixels, shape (input_px, input_px, 3).

        Returns:
            The softmax output, shape (classes,). A quantised network's does not quite sum to 1,
            because its grid of 1/256 drops the tail; it is not renormalised.
        """
        tensor = view if self._pixel_codes is None else self._pixel_codes[view]
        self._interpreter.set_tensor(self._input["index"], tensor[np.newaxis])
        self._interpreter.invoke()
        output = self._interpreter.get_tensor(self._output["index"])[0]
        scale, zero_point = self._output["quantization"]
        if scale == 0:  # TFLite's mark for "not quantised"
            return output.astype(np.float32)
        return ((output.astype(np.float32) - zero_point) * scale).astype(np.float32)
