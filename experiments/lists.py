"""``tvfs-gym list``: the names that other commands take, each with a line of explanation."""

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from tvfs_gym.envs.errors import unknown

app = typer.Typer()


def boards() -> dict[str, str]:
    """Board profiles, and the machine itself."""
    from tvfs_gym.envs.boards.linux import LINUX
    from tvfs_gym.envs.boards.profile import load_profile, profile_names

    twins = {name: load_profile(name).description for name in profile_names()}
    return {**twins, LINUX: "this machine: 'tvfs-gym doctor' shows what it can do"}


PREFIXES = {
    "shield:NAME": "NAME behind a safety shield, which vetoes what would grow too hot.",
    "learn:ALGO": "A published learner that learns as it runs; learn:ALGO:REWARD from that reward.",
}
"""Signs before the name of a controller."""


def controllers() -> dict[str, str]:
    """Baselines, those that know the scenario in advance, the policies that ship, and prefixes."""
    from tvfs_gym.agents.pretrained import pretrained_names
    from tvfs_gym.baselines import CONTROLLERS, HINDSIGHT

    known: dict[str, Callable[..., object]] = {**CONTROLLERS, **HINDSIGHT}
    return {
        **{name: _first_line(known[name]) for name in known},
        **{name: _trained(name) for name in pretrained_names()},
        **PREFIXES,
    }


def _trained(name: str) -> str:
    from tvfs_gym.agents.pretrained import boards_of, load_pretrained
    from tvfs_gym.agents.rungs import ANY_BOARD

    boards = boards_of(name) or (load_pretrained(name).card.board,)
    whose = "any board" if boards == (ANY_BOARD,) else ", ".join(boards)
    return f"A policy that ships, trained for {whose}."


def suites() -> dict[str, str]:
    """Suites of the benchmark."""
    from tvfs_gym.experiments.benchmarks.suite import load_suite, suite_names

    cases = {name: load_suite(name).cases("odroid_xu4", {}) for name in suite_names()}
    return {name: f"{len(scenarios)} scenarios" for name, scenarios in cases.items()}


def scenarios(suite: str = "main") -> dict[str, str]:
    """Scenarios of a suite."""
    from tvfs_gym.experiments.benchmarks.suite import load_suite

    return {
        name: f"{case.board}, {case.scenario.ambient_c:g} degC, {case.scenario.frames} frames"
        for name, case in load_suite(suite).cases("odroid_xu4", {}).items()
    }


def families() -> dict[str, str]:
    """Families of networks."""
    from tvfs_gym.envs.inference.topology import family_names, load_family

    return {name: load_family(name).description for name in family_names()}


def rewards() -> dict[str, str]:
    """Rewards."""
    from tvfs_gym.envs.reward import REWARDS

    return {name: _first_line(reward) for name, reward in REWARDS.items()}


LISTS: Mapping[str, Callable[[], dict[str, str]]] = {
    made.__name__: made for made in (boards, controllers, suites, scenarios, families, rewards)
}


def _first_line(described: object) -> str:
    return (described.__doc__ or "").strip().splitlines()[0].replace("`", "")


def completing(kind: str) -> Callable[[str], list[str]]:
    """Completes the beginning of a name in a shell."""
    return lambda incomplete: [name for name in LISTS[kind]() if name.startswith(incomplete)]


@app.command("list")
def list_names(
    what: Annotated[str, typer.Argument(help=f"Kind of names: {', '.join(LISTS)}.")],
    suite: Annotated[
        str, typer.Option(help="Suite, by name or TOML file, whose scenarios are listed.")
    ] = "main",
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, name to explanation.")
    ] = False,
) -> None:
    """List the boards, controllers, suites, scenarios, families or rewards there are.

    Example: tvfs-gym list controllers
    """
    if what not in LISTS:
        raise unknown("kind of names", what, LISTS)
    names = scenarios(suite) if what == scenarios.__name__ else LISTS[what]()
    if json:
        from json import dumps

        print(dumps(names, indent=2))
    else:
        _print_names(names)


def _print_names(names: Mapping[str, str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, explanation in names.items():
        table.add_row(escape(name), escape(explanation))
    Console().print(table)
