"""``tvfs-gym dev publish digits``: the page about the embedded networks, ``docs/digits.md``.

The field figures come from the recorded outcomes; the clean pictures are run live.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib
import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.augmentation import POLICIES, views
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.image_lists import LabelledImage, read_image_list, unpack_images
from tvfs_gym.envs.inference.images import open_image
from tvfs_gym.envs.inference.outcomes import RecordedOutcomes, load_outcomes
from tvfs_gym.envs.inference.topology import Family, Topology, load_family
from tvfs_gym.experiments.adaptta.calibration import pareto_indices
from tvfs_gym.experiments.results.tables import markdown_table

matplotlib.use("Agg")
import matplotlib.pyplot as plt

TAU = 0.8
TAUS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

HEADER = (
    "network", "clean, 1 view", "1 view", "5C", "10C", "AdapTTA 5C", "AdapTTA 10C", "gain, points",
    "passes 5C", "passes 10C", "speed-up 5C / 10C", "relative latency",
)  # fmt: skip


def publish_digits(checkout: Path) -> None:
    """Writes the page and its figure into a checkout.

    Raises:
        InputError: The checkout has no folder docs.
    """
    docs = checkout / "docs"
    if not docs.is_dir():
        raise InputError(f"there is no folder {docs}.")
    family = load_family("digits")
    assert family.outcomes and family.images and family.models
    outcomes = load_outcomes(family.outcomes)
    with TemporaryDirectory() as folder:
        unpack_images(family.images, Path(folder))
        clean = read_image_list(Path(folder) / "clean.csv")
        rows = [_row(family, topology, outcomes, clean) for topology in family.recordable([])]
    front = _figure(family, outcomes, docs / "figures" / "digits_pareto.png")
    text = "\n\n".join(
        [
            "# The embedded networks, `digits`",
            f"Twelve slim MobileNetV1 of our own, full int8, {_kilobytes(family)} kB in all, "
            "trained on scikit-learn's digits upright on a clean background and tested on digits "
            "that were held out: turned, shifted, of other sizes, before clutter and in other "
            f"light ({len(outcomes.truth)} pictures; clean: {len(clean)}). They are "
            "no substitute for ImageNet networks, and no figure here compares with theirs. "
            "Latencies are relative to the slowest of them, which takes the place of "
            "MobileNetV1 1.0 224 in the twin.",
            markdown_table(HEADER, rows),
            f"Top-1 accuracy in %, mean passes at tau = {TAU:g}; gain: AdapTTA 10C over 1 view, "
            "± half the 95 % interval of the paired difference; speed-up over static augmentation "
            f"in passes. Recorded with {outcomes.provenance['runtime']} "
            f"({outcomes.provenance['machine']}), {outcomes.provenance['resizer']}.",
            _overall(family, outcomes),
            _mirrors(outcomes),
            "![digits_pareto](figures/digits_pareto.png)",
            "On the Pareto front of accuracy and mean latency, over all networks, policies and "
            f"thresholds ({', '.join(f'{tau:g}' for tau in TAUS)}):",
            markdown_table(("network", "policy", "tau", "accuracy, %", "relative latency"), front),
            'The digits are those of scikit-learn, a copy of the test set of the UCI "Optical '
            'Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998), drawn anew.',
            "Commands: `make zoo`, then `tvfs-gym dev publish digits`.",
        ]
    )
    (docs / "digits.md").write_text(text + "\n", encoding="utf-8")


def _row(
    family: Family, topology: Topology, outcomes: RecordedOutcomes, clean: Sequence[LabelledImage]
) -> list[str]:
    name = topology.name
    correct = outcomes.correct(name)
    adaptive = {policy: outcomes.adaptta(name, POLICIES[policy], TAU) for policy in ("5C", "10C")}
    gain, half = _mean_and_half(adaptive["10C"][0].astype(float) - correct[:, 0])
    passes = [mean for _, mean in adaptive.values()]
    return [
        name,
        f"{100 * _clean_accuracy(family, topology, clean):.1f}",
        *(f"{100 * correct[:, count - 1].mean():.1f}" for count in POLICIES.values()),
        *(f"{100 * right.mean():.1f}" for right, _ in adaptive.values()),
        f"{gain:+.1f} ±{half:.1f}",
        *(f"{mean:.2f}" for mean in passes),
        f"{5 / passes[0]:.2f} / {10 / passes[1]:.2f}",
        f"{topology.relative_latency:.3f}",
    ]


def _clean_accuracy(family: Family, topology: Topology, clean: Sequence[LabelledImage]) -> float:
    assert family.models
    classifier = TfliteClassifier(topology, family.models)
    answers = [
        classifier.probabilities(next(views(open_image(image.path), topology.input_px))).argmax()
        for image in clean
    ]
    return float(
        np.mean([int(answer) == image.label for answer, image in zip(answers, clean, strict=True)])
    )


def _kilobytes(family: Family) -> int:
    assert family.models
    sizes = [(family.models / topology.file).stat().st_size for topology in family.topologies]
    return round(sum(sizes) / 1000)


def _mirrors(outcomes: RecordedOutcomes) -> str:
    """Effect of mirrored views on a network that was trained without mirrored pictures."""
    unmirrored = next(name for name in outcomes.recordings if name.endswith("_unmirrored"))
    mirrored = unmirrored.removesuffix("_unmirrored")

    def accuracies(name: str) -> list[float]:
        return [100 * float(outcomes.correct(name)[:, views - 1].mean()) for views in (1, 5, 10)]

    def listed(name: str) -> str:
        single, five, ten = accuracies(name)
        return f"{single:.1f} %, {five:.1f} % and {ten:.1f} %"

    cost = accuracies(unmirrored)[0] - accuracies(mirrored)[0]
    return (
        "Mirrored digits are not digits. The networks were trained with mirrored pictures all the "
        "same, as is usual for ImageNet, so that 10C, whose second five views are mirrored, has "
        f"something to gain: `{mirrored}` reaches {listed(mirrored)} with 1, 5 and 10 views. The "
        f"same network trained without them, `{unmirrored}`, reaches {listed(unmirrored)}. So "
        f"mirrored pictures in training cost this network {cost:.1f} points with one view, more "
        "than ten views bring back; and to a network that never saw them, mirrored "
        "views do harm, and 10C is the wrong policy."
    )


def _overall(family: Family, outcomes: RecordedOutcomes) -> str:
    """Gain of AdapTTA 10C over one view, averaged over the family picture by picture."""
    gains = [
        outcomes.adaptta(name, POLICIES["10C"], TAU)[0].astype(float) - outcomes.correct(name)[:, 0]
        for name in family.names
    ]
    mean, half = _mean_and_half(np.mean(gains, axis=0))
    return f"Over the twelve networks, AdapTTA 10C gains {mean:+.1f} ±{half:.1f} points."


def _mean_and_half(differences: NDArray[np.float64]) -> tuple[float, float]:
    """Mean of paired differences, and half its 95 % interval, in points."""
    half = 1.96 * differences.std(ddof=1) / np.sqrt(len(differences))
    return 100 * float(differences.mean()), 100 * float(half)


def _figure(family: Family, outcomes: RecordedOutcomes, path: Path) -> list[list[str]]:
    """Draws accuracy against mean latency; returns the Pareto front's rows."""
    labels, points = [], []
    for topology in family.topologies:
        for policy, count in POLICIES.items():
            for tau in TAUS if count > 1 else (TAU,):
                right, passes = outcomes.adaptta(topology.name, count, tau)
                labels.append((topology.name, policy, tau))
                points.append((passes * topology.relative_latency, 100 * right.mean()))
    latency, accuracy = np.array(points).T
    front = pareto_indices(latency, accuracy)
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for policy, marker in zip(POLICIES, "o^s", strict=True):
        chosen = [index for index, label in enumerate(labels) if label[1] == policy]
        axes.plot(latency[chosen], accuracy[chosen], marker, alpha=0.5, markersize=4, label=policy)
    axes.step(latency[front], accuracy[front], "k-", where="post", linewidth=1, label="front")
    axes.set(xscale="log", xlabel="mean latency of a frame, relative", ylabel="accuracy, %")
    axes.set_xticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    axes.minorticks_off()
    axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return [
        [name, policy, f"{tau:g}" if policy != "1C" else "", f"{y:.1f}", f"{x:.3f}"]
        for (name, policy, tau), x, y in ((labels[i], latency[i], accuracy[i]) for i in front)
    ]
