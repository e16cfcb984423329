"""Puts the transcripts of the latest runs into ``docs/kernels.md``."""

from tests.kernel.packages import ROOT
from tests.kernel.transcript import TRANSCRIPTS
from tvfs_gym.experiments.documents import replace_section

SECTIONS = ("x86", "arm", "loop")

if __name__ == "__main__":
    for name in SECTIONS:
        transcript = TRANSCRIPTS / f"{name}.md"
        if transcript.exists():
            replace_section(ROOT / "docs" / "kernels.md", name, transcript.read_text("utf-8"))
            print(f"docs/kernels.md: {name}")
