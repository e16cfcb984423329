"""``tvfs-gym dev perf inference``: what AdapTTA costs beyond the passes themselves.

All figures are ratios of times measured side by side in one run.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import psutil
from PIL import Image

from tvfs_gym.envs.inference.adaptta import AdapTTA
from tvfs_gym.envs.inference.augmentation import (
    RESIZERS,
    Codes,
    Geometry,
    crop_boxes,
    policy_views,
    views,
)
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.image_lists import read_image_list
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.runtime import runtime
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.results.folder import checked_output, installed_versions
from tvfs_gym.experiments.results.tables import markdown_table

NETWORK = "mobilenet_v1_1.0_224"
IMAGES = 30
ROUNDS = 15
REPEATS = 3
VIEWS = policy_views("10C")
GEOMETRIES = (Geometry("boxes"), Geometry("resize_once"))


def run(models: Path, images: Path, output: Path | None) -> None:
    """Prints the tables, and writes them if a file is named.

    Args:
        models: Folder with the network's file.
        images: CSV list of photographs, or its folder.
        output: Markdown file to write.

    Raises:
        InputError: The network, an image or the list cannot be used, or the file not be written.
    """
    if output is not None:
        checked_output(output, overwrite=True)
    others = f"{psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores"
    topology = load_family("recorded").recordable([NETWORK])[0]
    classifier = TfliteClassifier(topology, models)
    listed = read_image_list(images)[:IMAGES]
    square = [open_image(image.path) for image in listed]
    wide = [image.crop((0, 0, image.width, image.width * 3 // 4)) for image in square]
    shapes = {"square": square, "4:3": wide}
    text = "\n\n".join(
        [
            "# Performance of inference",
            f"Load of the machine by others at the start: {others}. Well below the number of "
            "cores, the figures are the program's; above it, they are noisy.",
            "## Everything but the passes",
            _overhead(classifier, shapes),
            "Time from the decoded image to the answer that is not spent in the network's own "
            f"call, as a share of the time that is; {NETWORK}, 1 thread, {len(listed)} images, the "
            f"fastest of {REPEATS} runs of each.",
            "## Preparing ten views",
            _preparation(classifier, shapes),
            f"Times faster than ten separate resizes with the same library, both into the "
            f"network's input; medians of {ROUNDS} interleaved rounds.",
            "Preparing the next view in a second thread during a pass took 0.98 to 1.03 of the "
            "time (measured once): once a frame is resized, all that it could hide is the copy of "
            "a slice.",
        ]
    )
    print(text)
    if output is not None:
        versions = ", ".join(f"{name} {version}" for name, version in installed_versions().items())
        output.write_text(
            f"{text}\n\nCommand: `tvfs-gym dev perf inference --models ... --images ... "
            f"--output {output}`; {runtime()}, {versions}.\n"
        )


def _overhead(classifier: TfliteClassifier, shapes: dict[str, list[Image.Image]]) -> str:
    rows = []
    for shape, images in shapes.items():
        for geometry in GEOMETRIES:
            for name, tau in (("AdapTTA", 0.8), ("static", np.inf)):
                adaptta = AdapTTA(classifier, tau=tau, geometry=geometry)
                fastest = [_fastest(adaptta, classifier, image) for image in images]
                latency_s, passes_s, passes = (sum(column) for column in zip(*fastest, strict=True))
                rows.append(
                    [
                        f"{shape}, {geometry.method}, {name}",
                        f"{passes / len(images):.2f}",
                        f"{1e3 * passes_s / passes:.1f}",
                        f"{latency_s / passes_s - 1:.2%}",
                    ]
                )
    return markdown_table(["photographs, geometry", "passes", "ms per pass", "overhead"], rows)


def _fastest(
    adaptta: AdapTTA, classifier: TfliteClassifier, image: Image.Image
) -> tuple[float, float, int]:
    """Latency, time in the network's call, and passes, of the fastest of some runs of a frame."""
    runs = []
    for _ in range(REPEATS):
        before_s = classifier.invoke_s
        answer = adaptta.predict(image)
        runs.append((answer.latency_s, classifier.invoke_s - before_s, answer.passes))
    return min(runs)


def _preparation(classifier: TfliteClassifier, shapes: dict[str, list[Image.Image]]) -> str:
    px = classifier.topology.input_px
    tensor = np.empty((px, px, 3), np.uint8)
    rows = []
    for shape, images in shapes.items():
        separate: list[float] = []
        ours: dict[str, list[float]] = {geometry.method: [] for geometry in GEOMETRIES}
        for image in images[:ROUNDS]:
            separate.append(_seconds(_separately(image, px), tensor))
            for geometry in GEOMETRIES:
                made = views(image, px, VIEWS, geometry, classifier.encode)
                ours[geometry.method].append(_seconds(made, tensor))
        for method, own in ours.items():
            ratios = [theirs / own_s for theirs, own_s in zip(separate, own, strict=True)]
            ms = f"{1e3 * median(own):.2f}"
            rows.append([f"{shape}, {method}", f"{1e3 * median(separate):.2f}", ms,
                         f"{median(ratios):.1f}"])  # fmt: skip
    header = ["photographs, geometry", "ten resizes, ms", "ten views, ms", "times faster"]
    return markdown_table(header, rows)


def _separately(image: Image.Image, px: int) -> Iterator[Codes]:
    """The ten views, each resized by itself, as a plain test-time augmentation makes them."""
    boxes = crop_boxes(image.width, image.height)
    flip = Image.Transpose.FLIP_LEFT_RIGHT
    for view in VIEWS:
        crop = image.resize((px, px), RESIZERS["bilinear"], box=boxes[view.crop])
        yield np.asarray(crop.transpose(flip) if view.mirrored else crop)


def _seconds(made: Iterable[Codes], tensor: Codes) -> float:
    start_s = perf_counter()
    for measurement in made:
        tensor[...] = measurement
    return perf_counter() - start_s
