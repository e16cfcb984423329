"""``tvfs-gym adaptta readings``: the readings that the published description leaves open.

Published are eight mean numbers of passes (four networks under 5C and 10C at tau = 0.8), not the
rule in full. Each folder, written by ``tvfs-gym adaptta live`` with the policy 10C, holds the
outputs of the ten views in one geometry; from them every plausible reading of the rest (order of
the views, aggregation, confidence estimator, consensus or newest view, ``>=`` or ``>``, outputs as
they are or scaled to a sum of 1) is replayed and set beside the published means.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.adaptta import TAU
from tvfs_gym.envs.inference.augmentation import ORDERS, View, policy_views
from tvfs_gym.envs.inference.outcomes import load_outcomes, passes_spent
from tvfs_gym.envs.inference.topology import Topology, load_family
from tvfs_gym.experiments.adaptta.recorded import PUBLISHED_PASSES
from tvfs_gym.experiments.adaptta.replay import Rule, replay_views
from tvfs_gym.experiments.adaptta.report import command_of
from tvfs_gym.experiments.adaptta.view_store import chunks_of
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import read_json
from tvfs_gym.experiments.results.tables import markdown_table

POLICIES = ("5C", "10C")
PUBLISHED = np.array([[pair[name] for name in POLICIES] for pair in PUBLISHED_PASSES.values()])
"""Shape (networks, policies)."""

RULES = (
    *(Rule(aggregation, confidence) for aggregation in ("mean", "geometric", "max")
      for confidence in ("max", "margin", "entropy")),
    Rule("vote", "max"), Rule("vote", "margin"),
    *(Rule("mean", confidence, "last") for confidence in ("max", "margin", "entropy")),
)  # fmt: skip
"""Under ``last`` the aggregation has no part in the number of passes."""

DEFAULT_RULE = Rule()

RESAMPLES = 2000


@dataclass(frozen=True)
class Interpretation:
    """One reading of the published description."""

    geometry: str
    order: str = "centre_first"
    rule: Rule = DEFAULT_RULE
    strict: bool = False
    scaled: bool = False

    @property
    def cells(self) -> list[str]:
        """First cells of its row in the table."""
        subject = "newest view" if self.rule.stop_on == "last" else self.rule.aggregation
        return [
            subject,
            self.rule.confidence,
            self.order.replace("_", " "),
            self.geometry,
            ">" if self.strict else ">=",
            "sum 1" if self.scaled else "raw",
        ]


@dataclass(frozen=True)
class ReplayedReading:
    """A reading and the passes that follow from it.

    Attributes:
        reading: Reading of the description.
        passes: Passes of every image, shape (networks, policies, images).
        weights: Weight of every image in the weighted means, shape (networks, images).
    """

    reading: Interpretation
    passes: NDArray[np.intp]
    weights: NDArray[np.float64]

    def means(self, weighted: bool = False) -> NDArray[np.float64]:
        """Mean passes, shape (networks, policies)."""
        if weighted:
            return np.einsum("npi,ni->np", self.passes, self.weights)
        return np.asarray(self.passes.mean(axis=2))

    def error(self, weighted: bool = False) -> float:
        """Mean relative distance from the eight published means."""
        return float(np.mean(np.abs(self.means(weighted) / PUBLISHED - 1)))


def render_readings(folders: Sequence[Path]) -> str:
    """Renders the readings, the nearest first, as a page in Markdown.

    Args:
        folders: Folders of live runs: the first is replayed under every rule, the others under the
            default rule in every order.

    Raises:
        InputError: A folder lacks a network of the published table, or the views of 10C.
    """
    first, *others = folders
    replayed = [*_replayed(first, every_rule=True)]
    for folder in others:
        replayed += _replayed(folder, every_rule=False)
    return _page(replayed, folders)


def publish_readings(folders: Sequence[Path], checkout: Path) -> None:
    """Writes the page to a checkout's ``docs/adaptta_readings.md``.

    Raises:
        InputError: The page cannot be written, or as for `render_readings`.
    """
    path = checkout / "docs" / "adaptta_readings.md"
    text = render_readings(folders)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}.") from error


def _readings(geometry: str, every_rule: bool) -> list[Interpretation]:
    default = Interpretation(geometry)
    orders = [replace(default, order=order) for order in ORDERS]
    if not every_rule:
        return orders
    readings = [replace(reading, rule=rule) for rule in RULES for reading in orders]
    return [*readings, replace(default, strict=True), replace(default, scaled=True)]


def _replayed(folder: Path, every_rule: bool) -> Iterator[ReplayedReading]:
    config = read_json(folder, "config.json")
    if config.get("policy") != "10C":
        raise InputError(f"{folder} holds no run of the policy 10C.")
    name = f"{config['geometry']} {config['crop_fraction']:g} {config['resizer']}"
    readings = _readings(name, every_rule)
    family = load_family(config["family"]).recordable(list(PUBLISHED_PASSES))
    networks = sorted(family, key=lambda network: list(PUBLISHED_PASSES).index(network.name))
    truth = load_outcomes(folder / "outcomes.npz").truth.astype(np.intp)
    passes: dict[Interpretation, list[NDArray[np.intp]]] = {reading: [] for reading in readings}
    weights = []
    with progress_bar() as bar:
        task = bar.add_task(f"reading {folder.name}", total=len(networks) * len(truth))
        for network in networks:
            recorded = policy_views("10C", config["view_order"])
            right, of_network = replayed_network(
                folder, network, truth + network.label_offset, recorded, readings,
                lambda count: bar.advance(task, count),
            )  # fmt: skip
            weights.append(_weights(network, right))
            for reading in readings:
                passes[reading].append(of_network[reading])
    for reading in readings:
        yield ReplayedReading(reading, np.stack(passes[reading]), np.stack(weights))


def replayed_network(
    folder: Path,
    network: Topology,
    truth: NDArray[np.intp],
    recorded: Sequence[View],
    readings: Sequence[Interpretation],
    on_images_done: Callable[[int], None],
) -> tuple[NDArray[np.bool_], dict[Interpretation, NDArray[np.intp]]]:
    """Replays a network's outputs chunk by chunk: those of all images would fill the memory.

    Returns:
        Whether the centre crop's answer is right, of every image, and every reading's passes.

    Raises:
        InputError: The run is unfinished.
    """
    index = {view: place for place, view in enumerate(recorded)}
    centre = [view.crop == "C" for view in recorded].index(True)
    right: list[NDArray[np.bool_]] = []
    passes: dict[Interpretation, list[NDArray[np.intp]]] = {reading: [] for reading in readings}
    done = 0
    for chunk in chunks_of(folder, network.name):
        usable = chunk.probabilities[chunk.usable]
        of_chunk = truth[done : done + len(usable)]
        done += len(usable)
        if not len(usable) == len(of_chunk) > 0:
            continue
        right.append(usable[:, centre].argmax(axis=1) == of_chunk)
        for reading in readings:
            passes[reading].append(_passes(usable, of_chunk, index, reading))
        on_images_done(len(usable))
    if done != len(truth):
        raise InputError(f"{folder} holds an unfinished run: run it again to finish it.")
    found = {reading: np.concatenate(parts, axis=1) for reading, parts in passes.items()}
    return np.concatenate(right), found


def _passes(
    outputs: NDArray[np.float32], truth: NDArray[np.intp], index: dict, reading: Interpretation
) -> NDArray[np.intp]:
    """Passes of every image under 5C and 10C, shape (policies, images)."""
    passes = []
    tau = float(np.nextafter(np.float32(TAU), np.float32(1))) if reading.strict else TAU
    for policy in POLICIES:
        chosen = [index[view] for view in policy_views(policy, reading.order)]
        views = outputs[:, chosen]
        if reading.scaled:
            views = views / views.sum(axis=2, keepdims=True)
        confidence = replay_views(views, truth, reading.rule).confidence
        passes.append(passes_spent(confidence, tau))
    return np.stack(passes)


def _weights(network: Topology, right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights with which the centre crop's accuracy is the published accuracy; their sum is 1."""
    if network.top1_published is None:
        raise InputError(f"{network.name} has no published accuracy to weight the images by.")
    published = network.top1_published / 100
    return np.where(right, published / right.sum(), (1 - published) / (~right).sum())


def _page(replayed: Sequence[ReplayedReading], folders: Sequence[Path]) -> str:
    by_error = sorted(replayed, key=ReplayedReading.error)
    default = replayed[0]
    count = len(replayed)
    best, best_weighted = by_error[0], min(replayed, key=lambda reading: reading.error(True))
    header = [
        "confidence of", "estimator", "order", "geometry", "stop", "outputs",
        *(f"{name}, {policy}" for name in PUBLISHED_PASSES for policy in POLICIES),
        "mean error", "weighted", "",
    ]  # fmt: skip
    published = ["published", "", "", "", "", "", *(f"{mean:.2f}" for mean in PUBLISHED.flat)]
    rows = [[*published, "", "", ""], *(_row(reading, reading is default) for reading in by_error)]
    commands = "\n".join(
        f"- `{command_of(read_json(folder, 'config.json'))}`" for folder in folders
    )
    return f"""# Readings of AdapTTA against the published numbers of passes

{_verdict(default, best, best_weighted)}

{markdown_table(header, rows)}

Mean passes per image at tau = {TAU:g}, nearest reading first. *Mean error*: mean distance from the
eight published means, relative to them; *weighted*: the same with the images weighted so that the
centre crop's accuracy equals the published top-1 (uniformly among those it got right, and among
those it got wrong), because these photographs are easier than the ImageNet validation set on which
the published means were taken. That weighting is a correction after the fact. The choice among
{count} readings by eight numbers is in-sample. A temperature is not among the readings: it is
a free parameter that could be fitted to each network's two means, not something the description
leaves open.

Replayed by `tvfs-gym adaptta readings {" ".join("FOLDER" for _ in folders)}`:

{commands}
"""


def _row(replayed: ReplayedReading, is_default: bool) -> list[str]:
    return [
        *replayed.reading.cells,
        *(f"{mean:.2f}" for mean in replayed.means().flat),
        f"{replayed.error():.1%}",
        f"{replayed.error(True):.1%}",
        "default" if is_default else "",
    ]


def _verdict(default: ReplayedReading, best: ReplayedReading, weighted: ReplayedReading) -> str:
    """Names the nearest reading by both criteria."""
    share = _share_nearer(best, default)
    unweighted = (
        f"Nearest by the images as they are: {_named(best)}, off by {best.error():.1%} on average "
        f"(weighted {best.error(True):.1%}). The default, {_named(default)}, is off by "
        f"{default.error():.1%} (weighted {default.error(True):.1%}). In {share:.0%} of "
        f"{RESAMPLES} resamples of the images the former is nearer than the default."
    )
    if best.reading == default.reading:
        return f"The default, {_named(default)}, is the nearest: off by {default.error():.1%}."
    if best.reading == weighted.reading:
        return f"{unweighted} By weighted images it is the nearest as well."
    return (
        f"{unweighted} Nearest by weighted images is another reading: {_named(weighted)}, off by "
        f"{weighted.error(True):.1%} (unweighted {weighted.error():.1%}). The two criteria do not "
        f"agree, so no reading is clearly the best, and the default stays what was recorded."
    )


def _named(replayed: ReplayedReading) -> str:
    confidence_of, estimator, order, geometry, stop, outputs = replayed.reading.cells
    return f"*{estimator} of the {confidence_of}, {order}, {geometry}, {stop}, {outputs}*"


def _share_nearer(reading: ReplayedReading, other: ReplayedReading) -> float:
    """Share of resamples of the images in which a reading is nearer than another."""
    images = reading.passes.shape[2]
    drawn = np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), RESAMPLES)
    errors = [
        np.abs(np.einsum("npi,ri->rnp", replayed.passes, drawn) / images / PUBLISHED - 1).mean(
            (1, 2)
        )
        for replayed in (reading, other)
    ]
    return float((errors[0] < errors[1]).mean())
