"""``tvfs-gym dev publish baselines``: what each baseline knows, and its tuned values."""

from pathlib import Path

from tvfs_gym.baselines import HINDSIGHT
from tvfs_gym.baselines.knowledge import KNOWLEDGE, Knowledge
from tvfs_gym.baselines.tuned import TUNED_PARAMETERS, TunedValues, tuned_values
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.results.tables import markdown_table
from tvfs_gym.experiments.tuning.tune import values_text

KNOWN = "yes"


def publish_baselines_page(checkout: Path) -> None:
    """Writes docs/baselines.md into a checkout.

    Raises:
        InputError: The checkout has no folder docs.
    """
    docs = checkout / "docs"
    if not docs.is_dir():
        raise InputError(f"there is no folder {docs}.")
    (docs / "baselines.md").write_text(_page(tuned_values()), encoding="utf-8")


def _page(tuned: TunedValues) -> str:
    drawn = tuned.distribution
    boards = ", ".join(f"`{board}`" for board in drawn.boards)
    last_seed = drawn.first_seed + drawn.episodes * len(drawn.boards) - 1
    paragraphs = [
        "# What each baseline knows, and what was tuned",
        "All of them know the VF levels, the topologies, the constraints L_c and T_max as they "
        "hold, the camera's period and the classifier's policy. None knows the room, the cooling, "
        "the unit, the load or what will change, but for those marked `*`, which know the very "
        "scenario. Latencies, accuracies and settled temperatures are what the board's "
        "characterisation tells; the thermal and power model and the kernel's trips are those of "
        "the board's profile, which is identified for the type of board: on a twin that is the "
        "twin's own model, but not the unit's deviation from it. The rest is read during the run. "
        "`tests/baselines/test_knowledge.py` takes each of these away from each controller, and "
        "looks whether its choices change.",
        _knowledge_table(tuned),
        "## How they were tuned",
        "Guards and thresholds that no source fixes were found by one command on one distribution; "
        "published constants stay as published, and those of the kernels as in their sources. "
        f"`{tuned.command}` draws {drawn.episodes} episodes on each of {boards} with the family "
        f"`{drawn.family}`: other units in other rooms under other constraints and conditions "
        f"([envs/conditions.py](../envs/conditions.py)), with the seeds {drawn.first_seed} to "
        f"{last_seed}, apart from every suite's. All candidates meet the same episodes. Of those "
        "whose reliable accuracy is behind the best one's by no more than the standard error of "
        "their paired difference, the safest is taken. The values stand in "
        "[baselines/tuned.toml](../baselines/tuned.toml). The runner-up is the best of the others; "
        "a negative difference to it is one that safety costs, within the standard error.",
        _tuning_table(tuned),
        "Grids, the safest value first: "
        + "; ".join(
            f"`{parameter.name}`, {parameter.meaning}: "
            + ", ".join(f"{value:g}" for value in parameter.grid)
            for parameter in dict.fromkeys(p for each in TUNED_PARAMETERS.values() for p in each)
        )
        + ".",
    ]
    return "\n\n".join(paragraphs) + "\n"


def _knowledge_table(tuned: TunedValues) -> str:
    rows = []
    for name, known in KNOWLEDGE.items():
        marks = [KNOWN if knowledge in known else "" for knowledge in Knowledge]
        values = values_text(tuned.controllers[name].values) if name in tuned.controllers else ""
        rows.append([f"`{name}`" + (" *" if name in HINDSIGHT else ""), *marks, values])
    return markdown_table(["controller", *(k.value for k in Knowledge), "tuned"], rows)


def _tuning_table(tuned: TunedValues) -> str:
    header = ["controller", "taken", "reliable accuracy, %", "runner-up", "difference, points"]
    rows = [
        [
            f"`{name}`",
            values_text(each.values),
            f"{100 * each.reliable_accuracy:.2f}",
            values_text(each.runner_up),
            f"{100 * each.difference:+.2f} ±{100 * each.standard_error:.2f}",
        ]
        for name, each in tuned.controllers.items()
    ]
    return markdown_table(header, rows)
