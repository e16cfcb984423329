"""Options that several commands share, each declared once, groups of them, and what may be meant.

A group is a dataclass. A command that is decorated with `expand_groups` takes a whole group as one
parameter, and shows each of its fields as an option of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from tvfs_gym.envs.boards.linux import LINUX
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.toml import tomllib
from tvfs_gym.experiments.engine.registry import ENGINES
from tvfs_gym.experiments.lists import completing
from tvfs_gym.experiments.progress import log_quietly, log_verbosely


def _checked_checkout(path: Path) -> Path:
    if not (path / "README.md").is_file():
        raise InputError(f"{path.resolve()} is not a checkout: it holds no README.md.")
    return path


def _checked_engine(engine: str) -> str:
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES)
    return engine


USUAL_ROOT = Path("/sys")


def checked_root(root: Path) -> Path:
    """Refuses the root of a sysfs tree that is not there; the usual one is missing without Linux.

    Raises:
        InputError: It is neither the usual one nor there.
    """
    if root != USUAL_ROOT and not root.exists():
        raise InputError(f"there is no folder {root}: --root is the root of a sysfs tree, or /sys.")
    return root


_BOARD = typer.Option(
    "--board",
    help=f"Board: {LINUX}, which is this machine, or the profile of a twin, by name or TOML file.",
    autocompletion=completing("boards"),
)
_PROFILE = typer.Option(
    "--board",
    help="Board profile: a name from 'tvfs-gym list boards', or a TOML file.",
    autocompletion=completing("boards"),
)
_FAMILY = typer.Option(
    "--family",
    help="Topology family: a name from 'tvfs-gym list families', or a TOML file.",
    autocompletion=completing("families"),
)
_CONTROLLERS = typer.Option(
    "--controller",
    help="Controller: a name from 'tvfs-gym list controllers', TOPOLOGY@MHZ, TOPOLOGY@max, folder "
    "of a training, or Python file; learn:ALGO learns as it runs; shield:NAME vetoes what would "
    "grow too hot. Repeat.",
    autocompletion=completing("controllers"),
)
_TAU = typer.Option("--tau", help="AdapTTA's confidence threshold; inf never stops early.")

BoardOption = Annotated[str, _BOARD]
ProfileOption = Annotated[str, _PROFILE]
FamilyOption = Annotated[str, _FAMILY]
FamilyOrDefaultOption = Annotated[str | None, _FAMILY]
ControllersOption = Annotated[list[str], _CONTROLLERS]
ControllersOrDefaultOption = Annotated[list[str] | None, _CONTROLLERS]
TopologiesOption = Annotated[
    list[str] | None,
    typer.Option("--topology", help="Topology of the family; repeat for several. Default: all."),
]
ModelsOption = Annotated[
    Path, typer.Option("--models", help="Folder of the family's .tflite files.")
]
ImagesOption = Annotated[
    Path,
    typer.Option(
        "--images", help="Labelled images: CSV list, folder with images.csv, or folder per class."
    ),
]
CharacterisationOption = Annotated[
    Path | None,
    typer.Option(
        "--characterisation",
        help="Folder or file that 'tvfs-gym characterise' wrote. Default: measure the twin.",
    ),
]
SeedsOption = Annotated[
    int, typer.Option("--seeds", help="Episodes of each controller, each with a seed of its own.")
]
SeedOption = Annotated[
    int, typer.Option("--seed", help="Seed of all random draws; episodes count up from it.")
]
FramesOption = Annotated[int | None, typer.Option("--frames", help="Frames per episode.")]
LatencyMsOption = Annotated[
    float | None, typer.Option("--latency-ms", help="Latency constraint L_c of a frame, ms.")
]
FullLoadWOption = Annotated[
    float | None,
    typer.Option("--full-load-w", help="Heat at a load of 1, W, for traces without power."),
]
TauOption = Annotated[float, _TAU]
TauOrDefaultOption = Annotated[float | None, _TAU]
OutcomesOption = Annotated[
    Path | None,
    typer.Option(
        "--outcomes",
        help="Recorded outcomes, .npz, or folder of a live run. Default: those of the package.",
    ),
]
LinuxOptionsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--board-option",
        help="linux: NAME=VALUE, e.g. policies=policy4, levels=8, temperature=acpitz, "
        "limit_c=90; docs/board.md lists them; repeat for several.",
    ),
]
OutputFolderOption = Annotated[
    Path | None,
    typer.Option(
        "--output", help="Folder to write, or to resume. Default: the next free results/COMMAND_N."
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        callback=_checked_engine,
        help="Where trials run: processes, those of this machine, or ray, a Ray cluster at "
        'RAY_ADDRESS or an instance on this machine (extra "distributed").',
    ),
]
OutputPageOption = Annotated[Path | None, typer.Option("--output", help="Markdown file to write.")]
HyperparametersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--hyperparameter",
        "-params",
        metavar="NAME:VALUE",
        help="Hyper-parameter of the algorithm, e.g. gamma:0.9; repeat, or go on with others.",
    ),
]
MoreHyperparameters = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME:VALUE]...", help="More hyper-parameters.", show_default=False),
]
CheckoutOption = Annotated[
    Path,
    typer.Option(
        "--checkout", callback=_checked_checkout, help="Checkout whose README and docs are updated."
    ),
]


@dataclass(frozen=True)
class Surroundings:
    """Options of what surrounds the board during an episode."""

    t_max_c: Annotated[
        float | None, typer.Option(help="T_max, the highest permitted die temperature, degC.")
    ] = None
    ambient_c: Annotated[float | None, typer.Option(help="Ambient temperature, degC.")] = None
    cooling: Annotated[
        str | None, typer.Option(help="Cooling of a twin. Default: the first of its profile.")
    ] = None
    throttling: Annotated[
        str | None,
        typer.Option(help="Throttling preset of a twin. Default: the first of its profile."),
    ] = None

    def values(self, **others: Any) -> dict[str, Any]:
        """Collects the values of a `Scenario` from the options and others, without None."""
        values = {**asdict(self), **others}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class RealBoard:
    """Options of a real board; they mean nothing to a twin."""

    models: Annotated[
        Path | None,
        typer.Option(help="linux: folder of the networks, if the family does not ship them."),
    ] = None
    images: Annotated[
        str | None,
        typer.Option(help="linux: labelled images (folder, CSV, zip), noise, or camera:N."),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option(help="linux: threads of a pass. Default: one per CPU that runs inference."),
    ] = None
    root: Annotated[
        Path, typer.Option(callback=checked_root, help="linux: root of the sysfs tree.")
    ] = USUAL_ROOT
    single_level: Annotated[
        bool, typer.Option("--single-level", help="linux: run even if the clock cannot be set.")
    ] = False
    no_sensor: Annotated[
        bool, typer.Option("--no-sensor", help="linux: run even if no temperature can be read.")
    ] = False
    options: LinuxOptionsOption = None

    def linux_options(self) -> dict[str, Any]:
        """The options of a `LinuxBoard`.

        Raises:
            InputError: A board option is not NAME=VALUE.
        """
        return {
            "allow_single_level": self.single_level,
            "allow_no_sensor": self.no_sensor,
            **named_values(self.options),
        }


def named_values(options: list[str] | None) -> dict[str, Any]:
    """Values of options NAME=VALUE, as TOML reads them, or as text.

    Raises:
        InputError: One is not NAME=VALUE.
    """
    values: dict[str, Any] = {}
    for option in options or ():
        name, sign, text = option.partition("=")
        if not sign:
            raise InputError(f"a board option is NAME=VALUE, not '{option}'.")
        try:
            values[name] = tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):
            values[name] = text
    return values


@dataclass(frozen=True)
class Printing:
    """Options of what a command prints of its results; without any, one screen."""

    full: Annotated[bool, typer.Option("--full", help="Print every table.")] = False
    json: Annotated[
        bool, typer.Option("--json", help="Print the results as one JSON object, for machines.")
    ] = False
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            callback=log_quietly,
            help="Print no results and no progress, but warnings and errors.",
        ),
    ] = False
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            callback=log_verbosely,
            help="Log every step on standard error, with its time.",
        ),
    ] = False

    def __post_init__(self) -> None:
        if self.full + self.json + self.quiet > 1:
            raise InputError("give one of --full, --json and --quiet, not several.")


def seconds(milliseconds: float | None) -> float | None:
    """Milliseconds in seconds; None stays None."""
    return None if milliseconds is None else milliseconds / 1000


def expand_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Shows the fields of every dataclass that a command takes as options of their own.

    Args:
        command: Function whose parameters are annotated for Typer, or with dataclasses whose
            fields are and have defaults.

    Returns:
        The same command with the fields as parameters, for Typer to read.
    """
    parameters = signature(command).parameters.values()
    groups: dict[str, Any] = {
        p.name: p.annotation for p in parameters if is_dataclass(p.annotation)
    }

    @wraps(command)
    def expanded(**values: Any) -> None:
        for name, group in groups.items():
            options = {field.name: values.pop(field.name) for field in fields(group)}
            values[name] = group(**options)
        command(**values)

    shown: list[Parameter] = []
    for parameter in parameters:
        if parameter.name in groups:
            shown += [
                Parameter(
                    field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type
                )
                for field in fields(groups[parameter.name])
            ]
        else:
            shown.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))
    expanded.__signature__ = Signature(shown)  # type: ignore[attr-defined]
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return expanded


MEANT = {
    "--algorithm": "--algo",
    "--baseline": "--controller",
    "--boards": "--board",
    "--controllers": "--controller",
    "--episodes": "--seeds --steps",
    "--iterations": "--steps --seeds",
    "--latency": "--latency-ms",
    "--model": "--models --topology",
    "--name": "--controller --algo",
    "--num-envs": "--envs",
    "--out": "--output",
    "--policies": "--controller",
    "--profile": "--board",
    "--repeats": "--seeds",
    "--results": "--output",
    "--runs": "--seeds",
    "--scenario": "--suite",
    "--scenarios": "--suite",
    "--temperature": "--ambient-c",
    "--threshold": "--tau",
    "--timesteps": "--steps",
    "--total-timesteps": "--steps",
    "--trials": "--seeds",
    "--workers": "--envs --engine",
}
"""What may be meant by other names."""

ELSEWHERE = {
    "--latency-ms": "latency_constraints_s of a suite of your own, a TOML file",
    "--tau": "policy of a suite's scenario",
    "--policy": "policy of a suite's scenario",
    "--arrival-period-ms": "arrival_period_s of a suite's scenario",
}
"""Where the benchmark has what is an option of others."""

MOST_COMMANDS = 4
"""Commands that are named."""


def point_to_meant(error: Any) -> None:
    """Adds to an error of an unknown option what may be meant.

    Args:
        error: ``NoSuchOption`` of click, with the context of the command.
    """
    name, context = error.option_name.partition("=")[0], error.ctx
    own = {option for parameter in context.command.params for option in parameter.opts}
    meant = [option for option in MEANT.get(name, "").split() if option in own]
    if meant:
        error.possibilities = meant
        return
    root = context.find_root()
    others = [path for path, other in _commands(root.command, root.info_name) if _has(other, name)]
    for_users = [path for path in others if " dev " not in path]
    others = (for_users or others)[:MOST_COMMANDS]
    if others:
        error.possibilities = None
        named = ", ".join(f"'{path}'" for path in others)
        error.message += f", which belongs to {named}"
        if context.info_name == "benchmark" and name in ELSEWHERE:
            error.message += f"; here it is {ELSEWHERE[name]}"
        error.message += "."


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        inner = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _commands(command, inner)
        elif not command.hidden:
            yield inner, command


def _has(command: Any, option: str) -> bool:
    return any(option in parameter.opts for parameter in command.params)
