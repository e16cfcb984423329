"""``tvfs-gym adaptta recorded``: AdapTTA on recorded outcomes, beside the published numbers."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tvfs_gym.envs.inference.adaptta import TAU, checked_tau
from tvfs_gym.envs.inference.augmentation import POLICIES
from tvfs_gym.envs.inference.outcomes import RecordedOutcomes, load_outcomes
from tvfs_gym.envs.inference.topology import ZOO
from tvfs_gym.experiments.results.statistics import share_cell
from tvfs_gym.experiments.results.tables import (
    markdown_table,
    print_fitting,
    replace_section,
    spread,
    text_lines,
)

PUBLISHED_PASSES = {
    "mobilenet_v1_1.0_224": {"5C": 2.81, "10C": 4.57},
    "mobilenet_v2_1.0_224": {"5C": 3.37, "10C": 6.26},
    "efficientnet_lite0": {"5C": 3.57, "10C": 6.75},
    "efficientnet_lite1": {"5C": 3.24, "10C": 6.02},
}
"""Mean passes under 5C and 10C at tau = 0.8 on the ImageNet validation set (R. G. Rizzo, IWES 2021;
"EfficientNet-B0/B1" there are, by their accuracy, Lite0 and Lite1)."""

MOST_NETWORKS = 10
"""Networks that fit one screen."""

HEADER = (
    "network",
    "1 view",
    "5C",
    "10C",
    "AdapTTA 5C",
    "AdapTTA 10C",
    "passes 5C",
    "passes 10C",
    "published 5C / 10C",
)


def run_recorded(outcomes_file: Path | None, tau: float, full: bool = False) -> dict[str, Any]:
    """Prints a table of accuracy and passes beside the published passes.

    Args:
        outcomes_file: Recorded outcomes, or the folder of a live run; None for the outcomes that
            ship with the package.
        tau: Confidence threshold.
        full: True to print every column, with intervals.

    Returns:
        tau; images; networks, each with name, one_view, adaptta_5c, adaptta_10c, shares of right
        answers, and passes_5c and passes_10c, means per image.

    Raises:
        InputError: The file holds no recorded outcomes, or tau is not positive.
    """
    checked_tau(tau)
    if outcomes_file is not None and outcomes_file.is_dir():
        outcomes_file /= "outcomes.npz"
    outcomes = load_outcomes(outcomes_file or ZOO / "recorded.npz")
    networks = [_network(outcomes, name, tau) for name in outcomes.recordings]
    if full:
        _print_full(outcomes, tau)
    else:
        print("\n".join(_brief_lines(networks)))
        print(textwrap.fill(f"{_brief_caption(outcomes, tau)} --full prints all.", Console().width))
    return {"tau": tau, "images": len(outcomes.truth), "networks": networks}


def _network(outcomes: RecordedOutcomes, name: str, tau: float) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "one_view": float(outcomes.correct(name)[:, 0].mean()),
    }
    for policy in ("5C", "10C"):
        right, passes = outcomes.adaptta(name, POLICIES[policy], tau)
        found |= {f"adaptta_{policy.lower()}": float(right.mean())}
        found |= {f"passes_{policy.lower()}": float(passes)}
    return found


def _brief_lines(networks: Sequence[Mapping[str, Any]]) -> list[str]:
    header = ("top-1, %", "1 view", "AdapTTA 5C", "passes", "AdapTTA 10C", "passes")
    rows = []
    for network in spread(networks, MOST_NETWORKS):
        cells = [network["name"], f"{100 * network['one_view']:.1f}"]
        for policy in ("5c", "10c"):
            cells.append(f"{100 * network[f'adaptta_{policy}']:.1f}")
            cells.append(f"{network[f'passes_{policy}']:.2f}")
        rows.append(cells)
    return text_lines(header, rows)


def _brief_caption(outcomes: RecordedOutcomes, tau: float) -> str:
    return (
        f"Mean passes per image at tau = {tau:g}, on {len(outcomes.truth)} labelled photographs, "
        "which are easier than the ImageNet validation set."
    )


def _print_full(outcomes: RecordedOutcomes, tau: float) -> None:
    table = Table(box=box.SIMPLE)
    table.add_column(HEADER[0], no_wrap=True)
    for heading in HEADER[1:]:
        table.add_column(heading, justify="right")
    for name in outcomes.recordings:
        table.add_row(*_row(outcomes, name, tau))
    print_fitting(table)
    print(textwrap.fill(_caption(outcomes, tau), Console().width))


def publish_recorded(checkout: Path) -> None:
    """Puts the table of the outcomes that ship with the package into a checkout's README.

    Raises:
        InputError: The README has no section for the table.
    """
    outcomes = load_outcomes(ZOO / "recorded.npz")
    rows = [_row(outcomes, name, TAU) for name in outcomes.recordings]
    text = f"{markdown_table(HEADER, rows)}\n\n{_caption(outcomes, TAU)}"
    replace_section(checkout / "README.md", "adaptta", text)


def _row(outcomes: RecordedOutcomes, name: str, tau: float) -> Sequence[str]:
    correct = outcomes.correct(name)
    accuracies = [correct[:, views - 1] for views in POLICIES.values()]
    passes = []
    for policy in ("5C", "10C"):
        right, mean = outcomes.adaptta(name, POLICIES[policy], tau)
        accuracies.append(right)
        passes.append(mean)
    published = PUBLISHED_PASSES.get(name)
    return [
        name,
        *(share_cell(right) for right in accuracies),
        *(f"{mean:.2f}" for mean in passes),
        " / ".join(map(str, published.values())) if published else "",
    ]


def _caption(outcomes: RecordedOutcomes, tau: float) -> str:
    source = outcomes.provenance
    return (
        f"Top-1 accuracy in % ± half the width of the 95 % Wilson interval, and mean passes per "
        f"image at tau = {tau:g}, on {len(outcomes.truth)} labelled photographs, those of design "
        f"time and of run time alike, that are easier than the ImageNet validation set; recorded "
        f"with {source['runtime']} ({source['machine']}), {source['resizer']}. The published "
        f"passes are means over the ImageNet validation set."
    )
