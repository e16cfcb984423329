"""The commands ``models list``, ``check``, ``fetch`` and ``add``, and ``dev record``."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import (
    DEFAULT_FAMILY,
    Family,
    Topology,
    family_names,
    load_family,
)
from tvfs_gym.experiments.options import (
    FamilyOption,
    ImagesOption,
    ModelsOption,
    Printing,
    TopologiesOption,
    expand_groups,
)

app = typer.Typer(help="List, check, fetch and add networks.", no_args_is_help=True)
dev_app = typer.Typer()


@app.command("list")
def list_models(
    families: Annotated[
        list[str] | None,
        typer.Option("--family", help="Topology family; repeat for several. Default: all."),
    ] = None,
) -> None:
    """Show families and their topologies."""
    from rich import box
    from rich.table import Table

    from tvfs_gym.experiments.results.tables import print_fitting, print_wrapped

    for name in families or family_names():
        loaded = load_family(name)
        print_wrapped(f"{loaded.name}: {loaded.description}")
        table = Table(box=box.SIMPLE)
        table.add_column("topology", no_wrap=True)
        for heading in ("input, px", "width", "published top-1, %", "relative latency"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("file", no_wrap=True)
        table.add_column("comes from", no_wrap=True)
        for topology in loaded.topologies + loaded.variants:
            table.add_row(
                topology.name,
                str(topology.input_px),
                "" if topology.width is None else f"{topology.width:g}",
                "" if topology.top1_published is None else f"{topology.top1_published:g}",
                f"{topology.relative_latency:.4g}",
                topology.file,
                _origin(loaded, topology),
            )
        print_fitting(table)


def _origin(family: Family, topology: Topology) -> str:
    if family.models is not None:
        return str(family.models)
    if topology.url is None:
        return "made: docs/networks.md" if topology.origin else "no address known"
    joined = ", two files joined" if topology.head_url else ""
    return f"{urlsplit(topology.url).netloc}{joined}"


@app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of networks. Default: that of the family.")
    ] = None,
    family: FamilyOption = DEFAULT_FAMILY,
    topologies: TopologiesOption = None,
) -> None:
    """Compare files with their topologies and run each once; exit status 1 if one fails."""
    from tvfs_gym.experiments.models.fetch import pinned, read_lock

    loaded = load_family(family)
    models = folder or loaded.models
    if models is None:
        raise InputError(f"the family {loaded.name} does not ship its networks: name their folder.")
    if not models.is_dir():
        raise InputError(f"there is no folder {models}.")
    failed = False
    for topology in loaded.recordable(topologies or []):
        try:
            outcome = _check(pinned(topology, read_lock(models)), models)
        except InputError as error:
            failed, outcome = True, f"FAILED: {error}"
        typer.echo(f"{topology.name}: {outcome}")
    raise typer.Exit(int(failed))


def _check(topology: Topology, models: Path) -> str:
    """Checks a file's hash, input, outputs and one pass.

    Returns:
        The outcome, to be printed.

    Raises:
        InputError: The file is another one, or its network does not run as described.
    """
    from tvfs_gym.envs.inference.runtime import runtime
    from tvfs_gym.experiments.adaptta.recording import checked_hashes

    checked_hashes([topology], models)
    px = topology.input_px
    hash_state = "hash as expected" if topology.sha256 else "hash not known"
    return f"ok ({hash_state}, {px} x {px} px, {topology.classes} outputs, runs under {runtime()})"


@app.command()
def fetch(
    folder: Annotated[Path, typer.Argument(help="Folder to write the networks to.")],
    family: FamilyOption = DEFAULT_FAMILY,
    topologies: TopologiesOption = None,
) -> None:
    """Download networks from their publisher, or copy those that ship; exit status 1 if one fails.

    Run the command again to resume an interrupted download. Hashes are verified; an unknown hash is
    pinned at the first download.
    """
    from tvfs_gym.experiments.models.fetch import fetch_networks

    loaded = load_family(family)
    complete = fetch_networks(loaded, loaded.recordable(topologies or []), folder)
    raise typer.Exit(int(not complete))


@app.command()
@expand_groups
def add(
    *,
    networks: Annotated[list[Path], typer.Argument(help="The .tflite files, all in one folder.")],
    images: Annotated[
        Path,
        typer.Option(
            help="Labelled images: CSV list, folder with images.csv, folder per class, or a zip."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Family to write, TOML.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Label list: a class per line, or JSON. Default: that within the network's file."
        ),
    ] = None,
    description: Annotated[str, typer.Option(help="Description of the family.")] = "own networks",
    variants: Annotated[
        list[Path] | None,
        typer.Option(
            "--variant",
            help="Network that is recorded, but that no controller chooses; repeat for several.",
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="MobileNetV1 1.0 224 as .tflite, the reference of the relative latencies. "
            "Default: the slowest of the networks."
        ),
    ] = None,
    pixel_mean: Annotated[
        list[str] | None,
        typer.Option(
            help="Grey level that a network reads as 0, or R,G,B; NETWORK=VALUE for one alone."
        ),
    ] = None,
    pixel_scale: Annotated[
        list[str] | None,
        typer.Option(
            help="Grey levels per unit of a network's real-valued input, or R,G,B; likewise."
        ),
    ] = None,
    input_px: Annotated[
        list[str] | None,
        typer.Option(help="Height and width of pictures, if a network takes any; likewise."),
    ] = None,
    last_layer: Annotated[
        list[str] | None, typer.Option(help="softmax or logits; likewise. Default: as it looks.")
    ] = None,
    label_offset: Annotated[
        list[str] | None,
        typer.Option(help="Output index of the first class; likewise. Default: by the label list."),
    ] = None,
    printing: Printing,
) -> None:
    """Make a family of your own networks: read, time and record them.

    Run the command again to go on with a recording that was interrupted.

    Example: tvfs-gym models add a.tflite b.tflite --images photos --output my.toml
    """
    from tvfs_gym.experiments.models.add import add_family
    from tvfs_gym.experiments.models.network_options import OptionTexts
    from tvfs_gym.experiments.results.printing import print_findings, words

    given = (pixel_mean, pixel_scale, input_px, last_layer, label_offset)
    options = OptionTexts(*(texts or () for texts in given))
    with words(printing):
        findings = add_family(
            networks,
            variants or [],
            labels,
            images,
            output,
            description,
            reference,
            options,
            printing.full,
        )
    print_findings(findings, printing)


@dev_app.command()
@expand_groups
def record(
    *,
    models: ModelsOption,
    images: ImagesOption,
    output: Annotated[Path, typer.Option(help="Recorded outcomes to write, .npz.")],
    family: FamilyOption = DEFAULT_FAMILY,
    topologies: TopologiesOption = None,
    printing: Printing,
) -> None:
    """Run real networks over labelled photographs and write their outcomes."""
    from tvfs_gym.experiments.models.record import record_family
    from tvfs_gym.experiments.results.printing import print_findings, words

    with words(printing):
        findings = record_family(family, topologies or [], models, images, output, printing.full)
    print_findings(findings, printing)
