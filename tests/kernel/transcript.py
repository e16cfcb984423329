"""What was done in a guest and what it answered, as Markdown: ``docs/kernels.md`` is made of it."""

import platform
import sys
import textwrap
from itertools import groupby

from tests.kernel.packages import CACHE, ROOT, run
from tests.kernel.plant import Hardware, Plant

TRANSCRIPTS = ROOT / "results" / "kernels"
WIDTH = 110
PLANT_LINES = 8
"""Lines that tell of a plant."""


def versions(board: Hardware) -> str:
    """The kernel, the packages and the programs of a run."""
    packages = (CACHE / board.name / "packages").read_text().split()
    program = board.guest.process.args
    assert isinstance(program, list)
    qemu = run([*map(str, program[: program.index("-M")]), "--version"]).splitlines()[0]
    lines = [
        f"- guest: `{board.guest.run('uname -srvm')}`, "
        f"`{board.guest.run(f'{board.python} --version')}`",
        f"- {qemu}, on {platform.machine()} with {platform.python_version()}",
        f"- Debian packages: {', '.join(f'`{name}`' for name in packages)}",
    ]
    return "\n".join(lines)


def section(board: Hardware, title: str, journal: list[str], width: int = WIDTH) -> str:
    """What one test did, wrapped to a width.

    A command that is repeated while something is awaited is shown once, with its last answer.
    """
    shown = []
    for _, group in groupby(journal, key=lambda entry: entry.partition("\n")[0]):
        entries = list(group)
        command, newline, answer = entries[-1].partition("\n")
        times = f"   [{len(entries)} times]" if len(entries) > 1 else ""
        shown.append(f"{command}{times}{newline}{answer}")
    text = "\n".join(shown).replace(f"{ROOT}/", "").replace(board.python, "python")
    text = text.replace(sys.executable, "python")
    lines = [
        wrapped
        for line in text.splitlines()
        for wrapped in textwrap.wrap(line.rstrip(), width, subsequent_indent="    ") or [""]
    ]
    return "\n".join([f"#### {title}", "", "```text", *lines, "```"])


def write(name: str, head: str, sections: list[str]) -> None:
    """Writes a transcript."""
    TRANSCRIPTS.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join([head, *sections])
    (TRANSCRIPTS / f"{name}.md").write_text(text, encoding="utf-8")


def tell(board: Hardware, plant: Plant) -> None:
    """Writes what a plant did into the guest's journal."""
    step = max(len(plant.samples) // PLANT_LINES, 1)
    for sample in plant.samples[::step]:
        board.guest.note(
            f"plant: {sample.time_s:6.1f} s  {sample.frequency_hz / 1e6:5.0f} MHz  "
            f"load {sample.load:4.2f}  {sample.power_w:5.2f} W  {sample.temperature_c:5.1f} degC"
        )
