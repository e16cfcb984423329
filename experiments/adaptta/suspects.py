"""``tvfs-gym adaptta suspects``: what may explain passes that differ from the published ones.

Everything is replayed from recorded outcomes: those that ship, and those of live runs that are
named. Each suspect is a row of mean passes beside the published ones.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tvfs_gym.envs.inference.adaptta import TAU
from tvfs_gym.envs.inference.augmentation import POLICIES
from tvfs_gym.envs.inference.outcomes import RecordedOutcomes, load_outcomes, passes_spent
from tvfs_gym.envs.inference.topology import ZOO, load_family
from tvfs_gym.experiments.adaptta.recorded import PUBLISHED_PASSES
from tvfs_gym.experiments.results.tables import markdown_table, replace_section

TAUS = (0.6, 0.7, 0.75, 0.85, 0.9, 0.95)

FINE_TAUS = np.round(np.arange(0.4, 1.0, 0.01), 2)

NEAR = 0.05
"""Relative distance of both means from the published ones, up to which a network is met."""

_PASSED_ON = ("5C", "10C")

Weights = NDArray[np.float64]
Choice = Callable[[RecordedOutcomes, str], Weights]
"""Weights of the images, whose sum is 1, for a network."""


@dataclass(frozen=True)
class Suspect:
    """What may be the reason, and the mean passes with it.

    Attributes:
        name: What is otherwise than recorded.
        images: Images that the means are of.
        passes: By published network: means under 5C and 10C; of networks it does not concern, none.
    """

    name: str
    images: int
    passes: dict[str, tuple[float, float]]

    @property
    def met(self) -> list[str]:
        """Networks both of whose published means are near."""
        return [
            network
            for network, means in self.passes.items()
            if all(
                abs(mean / PUBLISHED_PASSES[network][policy] - 1) <= NEAR
                for mean, policy in zip(means, _PASSED_ON, strict=True)
            )
        ]


def run_suspects(others: Sequence[Path], altered: Sequence[Path]) -> None:
    """Prints the table.

    Args:
        others: Outcomes of other files of the published networks, or folders of live runs.
        altered: The same of the published networks on altered views.

    Raises:
        InputError: A file holds no recorded outcomes.
    """
    print(render_suspects(replayed_suspects(others, altered)))


def publish_suspects(others: Sequence[Path], altered: Sequence[Path], checkout: Path) -> None:
    """Writes the table into a checkout's ``docs/adaptta.md``, and its numbers beside it as CSV.

    Raises:
        InputError: The page has no section for it, or as for `run_suspects`.
    """
    found = replayed_suspects(others, altered)
    replace_section(checkout / "docs" / "adaptta.md", "suspects", render_suspects(found))
    rows = [
        {
            "suspect": suspect.name, "images": suspect.images, "network": network,
            "policy": policy, "passes": mean, "published": PUBLISHED_PASSES[network][policy],
        }
        for suspect in found
        for network, means in suspect.passes.items()
        for policy, mean in zip(_PASSED_ON, means, strict=True)
    ]  # fmt: skip
    pl.DataFrame(rows).write_csv(checkout / "docs" / "adaptta_suspects.csv", float_precision=3)


def replayed_suspects(others: Sequence[Path], altered: Sequence[Path]) -> list[Suspect]:
    """Replays every suspect.

    Raises:
        InputError: As for `run_suspects`.
    """
    shipped = load_outcomes(ZOO / "recorded.npz")
    found = [_suspect("as recorded", shipped, _all), *_other_files(others)]
    found += [
        _suspect("harder images: those it is less sure of than the median", shipped, _unsure),
        _suspect("harder images: weighted to the published top-1", shipped, _weighted),
    ]
    for path in altered:
        outcomes = load_outcomes(_file(path))
        found.append(_suspect(f"harder images: {_alteration(outcomes)}", outcomes, _all))
    found += [_suspect(f"tau = {tau:g}", shipped, _all, tau) for tau in TAUS]
    return found


def render_suspects(found: Sequence[Suspect]) -> str:
    """Renders the table with what it says, in Markdown."""
    shipped = load_outcomes(ZOO / "recorded.npz")
    header = (
        "otherwise than recorded", "images",
        *(f"{_short(name)}, {policy}" for name in PUBLISHED_PASSES for policy in _PASSED_ON),
        "met",
    )  # fmt: skip
    published = [f"{mean:.2f}" for pair in PUBLISHED_PASSES.values() for mean in pair.values()]
    rows = [("published", "50000", *published, ""), *map(_row, found)]
    nearest = {name: _nearest_tau(shipped, name) for name in PUBLISHED_PASSES}
    taus = ", ".join(f"{_short(name)} {tau:.2f}" for name, tau in nearest.items())
    off = {"mobilenet_v2_1.0_224", "efficientnet_lite1"}
    both = [one.name for one in found if off <= set(one.met)]
    verdict = (
        f"Both networks that are off, MobileNetV2 and Lite1, are met by: {'; '.join(both)}."
        if both
        else "None of them meets MobileNetV2 and Lite1 at once."
    )
    return f"""Mean passes with one thing changed at a time, tau = {TAU:g} otherwise. *Met*:
networks both of whose means lie within {NEAR:.0%} of the published ones. {verdict}
The tau that comes nearest to both means of a network differs from network to network:
{taus}. So no single tau explains them, and a tau for each would be
a fit of one number to two. Orders, estimators, aggregations and geometries:
[readings](adaptta_readings.md).

{markdown_table(header, rows)}

The same as a table: [adaptta_suspects.csv](adaptta_suspects.csv). Command: `tvfs-gym dev publish
adaptta suspects`, with `--other` and `--altered` for what does not ship."""


def _row(suspect: Suspect) -> tuple[str, ...]:
    cells = [
        f"{mean:.2f}"
        for name in PUBLISHED_PASSES
        for mean in suspect.passes.get(name, (np.nan, np.nan))
    ]
    met = ", ".join(map(_short, suspect.met))
    return (suspect.name, str(suspect.images), *("" if c == "nan" else c for c in cells), met)


def _suspect(name: str, outcomes: RecordedOutcomes, choice: Choice, tau: float = TAU) -> Suspect:
    means, images = {}, 0
    for network in PUBLISHED_PASSES:
        if network in outcomes.recordings:
            weights = choice(outcomes, network)
            images = int((weights > 0).sum())
            means[network] = _means(outcomes, network, weights, tau)
    return Suspect(name, images, means)


def _means(
    outcomes: RecordedOutcomes, recorded: str, weights: Weights, tau: float = TAU
) -> tuple[float, float]:
    five, ten = (outcomes.passes(recorded, POLICIES[policy], tau) for policy in _PASSED_ON)
    return float(five @ weights), float(ten @ weights)


def _other_files(paths: Sequence[Path]) -> Iterator[Suspect]:
    """A row for every recorded network that is another file of a published one."""
    for outcomes in map(load_outcomes, map(_file, paths)):
        for recorded in outcomes.recordings:
            network = next((name for name in PUBLISHED_PASSES if recorded.startswith(name)), None)
            if network is not None and recorded != network:
                means = _means(outcomes, recorded, _all(outcomes, recorded))
                file = load_family("recorded").recordable([recorded])[0].file
                yield Suspect(f"another file: {file}", len(outcomes.truth), {network: means})


def _all(outcomes: RecordedOutcomes, network: str) -> Weights:
    count = len(outcomes[network].confidence)
    return np.full(count, 1 / count)


def _unsure(outcomes: RecordedOutcomes, network: str) -> Weights:
    """The images whose first view is less certain than that of the median image."""
    first = outcomes[network].confidence[:, 0]
    chosen = first < np.median(first)
    return chosen / chosen.sum()


def _weighted(outcomes: RecordedOutcomes, network: str) -> Weights:
    """Weights with which the first view's accuracy is the published one."""
    (topology,) = load_family("recorded").recordable([network])
    published = (topology.top1_published or 0.0) / 100
    right = outcomes.correct(network)[:, 0]
    return np.where(right, published / right.sum(), (1 - published) / (~right).sum())


def _nearest_tau(outcomes: RecordedOutcomes, network: str) -> float:
    """The tau whose two means are the nearest to the published ones."""
    published = np.array([PUBLISHED_PASSES[network][policy] for policy in _PASSED_ON])
    confidence = outcomes[network].confidence

    def distance(tau: float) -> float:
        means = [passes_spent(confidence[:, : POLICIES[p]], tau).mean() for p in _PASSED_ON]
        return float(np.abs(np.array(means) / published - 1).mean())

    return float(min(FINE_TAUS.tolist(), key=distance))


def _alteration(outcomes: RecordedOutcomes) -> str:
    """What was done to the views, from the recording's command."""
    words = outcomes.provenance["command"].split("--policy")
    first = words[1].split(",")[0].strip(" '=") if len(words) > 1 else ""
    return " and ".join(first.split("+")[1:]).replace(":", " ") or "other images"


def _file(path: Path) -> Path:
    return path / "outcomes.npz" if path.is_dir() else path


def _short(network: str) -> str:
    names = {"mobilenet_v1_1.0_224": "V1", "mobilenet_v2_1.0_224": "V2"}
    return names.get(network, network.removeprefix("efficientnet_").capitalize())
