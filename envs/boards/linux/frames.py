"""Where a board's frames come from: pictures with labels, a list, noise, a camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from zipfile import BadZipFile, ZipFile

import numpy as np
from PIL import Image

from tvfs_gym.envs.errors import BoardError, InputError
from tvfs_gym.envs.inference.image_lists import LIST, is_list, read_image_list, read_images
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.outcomes import halves
from tvfs_gym.envs.inference.topology import Family

NOISE_PX = 256
"""Height and width of a frame of noise."""

LABELLED_MEMBER = 2
"""Length of a list's member that is an image and its label."""


@dataclass(frozen=True)
class BoardFrame:
    """A decoded frame, and its class, from 0 on; None if nobody knows it."""

    image: Image.Image
    label: int | None


class FrameSource(Protocol):
    """An endless stream of frames.

    Attributes:
        labelled: True if all frames have labels, so that accuracy can be measured.
        live: True if a frame shows the present, and must be taken when it is due; others are
            decoded beforehand.
    """

    labelled: bool
    live: bool

    def start(self, key: tuple[int, int]) -> None:
        """Begins a stream; the same key gives the same one, unless it is live."""

    def next(self) -> BoardFrame:
        """Takes the next frame."""

    def close(self) -> None:
        """Releases whatever is behind it."""


class PictureFrames:
    """Pictures, drawn uniformly, with replacement, as the twin draws its images.

    Args:
        pictures: Files, members of an archive, or decoded pictures, with their labels.
        archive: The archive; closed at the end.

    Raises:
        InputError: There is none.
    """

    live = False

    def __init__(
        self,
        pictures: Sequence[tuple[Path | str | Image.Image, int | None]],
        archive: ZipFile | None = None,
    ) -> None:
        if not pictures:
            raise InputError("the list of frames is empty.")
        self.labelled = all(label is not None for _, label in pictures)
        self._pictures = pictures
        self._archive = archive
        self.start((0, 0))

    def start(self, key: tuple[int, int]) -> None:
        """Begins a stream."""
        self._generator = np.random.default_rng(key)

    def next(self) -> BoardFrame:
        """Draws a picture and decodes it.

        Raises:
            InputError: It cannot be read.
        """
        picture, label = self._pictures[int(self._generator.integers(len(self._pictures)))]
        if isinstance(picture, Image.Image):
            return BoardFrame(picture, label)
        if self._archive is None:
            return BoardFrame(open_image(Path(picture)), label)
        try:
            with self._archive.open(str(picture)) as member:
                return BoardFrame(open_image(member), label)
        except (KeyError, BadZipFile) as error:
            raise InputError(f"cannot read the image {picture}: {error}.") from error

    def close(self) -> None:
        """Closes the archive."""
        if self._archive is not None:
            self._archive.close()


class NoiseFrames:
    """Frames of noise: they load a board like any others, and have no right answer."""

    labelled = False
    live = False

    def __init__(self) -> None:
        self.start((0, 0))

    def start(self, key: tuple[int, int]) -> None:
        """Begins a stream."""
        self._generator = np.random.default_rng(key)

    def next(self) -> BoardFrame:
        """Makes a frame."""
        pixels = self._generator.integers(0, 256, (NOISE_PX, NOISE_PX, 3), np.uint8)
        return BoardFrame(Image.fromarray(pixels), None)

    def close(self) -> None:
        """Nothing is behind it."""


class CameraFrames:
    """A camera that Video4Linux knows, read with OpenCV.

    Args:
        number: N of ``/dev/videoN``.

    Raises:
        InputError: OpenCV is not installed, or there is no such camera.
    """

    labelled = False
    live = True

    def __init__(self, number: int) -> None:
        try:
            import cv2
        except ImportError:
            raise InputError('a camera needs OpenCV: run pip install "tvfs-gym[camera]".') from None
        self._number = number
        self._capture: Any = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            raise InputError(f"there is no camera at /dev/video{number}, or it is in use.")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not the oldest

    def start(self, key: tuple[int, int]) -> None:
        """The world begins nothing anew."""

    def next(self) -> BoardFrame:
        """Takes a picture.

        Raises:
            BoardError: The camera gives none.
        """
        taken, pixels = self._capture.read()
        if not taken:
            raise BoardError(f"the camera /dev/video{self._number} gives no frames any more.")
        return BoardFrame(Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1])), None)

    def close(self) -> None:
        """Releases the camera."""
        self._capture.release()


def frames_of(frames: Any, family: Family) -> FrameSource:
    """The source of frames that an argument means.

    Args:
        frames: None for the pictures that come with the family, those of the run half; ``noise``;
            ``camera`` or ``camera:N``; all of the pictures in a zip archive, a folder or a CSV list
            of labelled ones, by its path; a list of pictures (paths, PIL images or RGB arrays) or
            of pairs of picture and label; or a `FrameSource`.
        family: The topologies, for their classes and pictures.

    Raises:
        InputError: There are no such frames.
    """
    if frames is None:
        if family.images is None:
            raise InputError(
                f"no pictures come with the family {family.name}: give frames= a folder or CSV "
                f"list of labelled pictures, 'camera', or 'noise'."
            )
        return _archive(family.images, run_half=True)
    if isinstance(frames, str | Path):
        name, _, rest = str(frames).partition(":")
        if str(frames) == "noise":
            return NoiseFrames()
        if name == "camera" and (rest or "0").isdecimal():
            return CameraFrames(int(rest or 0))
        path = Path(frames)
        if path.suffix == ".zip":
            return _archive(path)
        classes = family.topologies[0].classes - family.topologies[0].label_offset
        found = read_images(path, classes, family.class_labels)
        return PictureFrames([(image.path, image.label) for image in found.images])
    if isinstance(frames, Sequence):
        return PictureFrames([_picture(frame) for frame in frames])
    source: FrameSource = frames
    return source


def _archive(path: Path, run_half: bool = False) -> PictureFrames:
    """The pictures stay in the archive; only their list is unpacked.

    Args:
        path: The archive.
        run_half: True to leave out the pictures that the family's accuracy is known from.
    """
    try:
        archive = ZipFile(path)
        with TemporaryDirectory() as folder:
            named = [name for name in archive.namelist() if is_list(name)]
            archive.extract(named[0] if named else LIST, folder)
            listed = read_image_list(Path(folder, named[0]))
        if run_half:
            listed = [listed[index] for index in halves([image.label for image in listed]).run]
        pictures = [(str(image.path.relative_to(folder)), image.label) for image in listed]
    except (OSError, BadZipFile, KeyError) as error:
        raise InputError(f"cannot use the images in {path}: {error}.") from error
    return PictureFrames(pictures, archive)


def _picture(member: Any) -> tuple[Path | Image.Image, int | None]:
    label = None
    if isinstance(member, tuple) and len(member) == LABELLED_MEMBER:
        member, label = member
    if isinstance(member, np.ndarray):
        if member.dtype != np.uint8 or member.ndim != 3 or member.shape[2] != 3:
            raise InputError(
                f"a frame's pixels are uint8 of shape (height, width, 3), not {member.dtype} of "
                f"shape {member.shape}."
            )
        return Image.fromarray(member), label
    return member if isinstance(member, Image.Image) else Path(member), label
