"""Puts the transcripts of the latest runs into the pages in ``docs``."""

from tests.kernel.packages import ROOT
from tests.kernel.transcript import TRANSCRIPTS
from tvfs_gym.experiments.results.tables import replace_section

PAGES = {"x86": "kernels.md", "arm": "kernels.md", "loop": "your_board.md"}
"""Where each stands."""

if __name__ == "__main__":
    for name, page in PAGES.items():
        transcript = TRANSCRIPTS / f"{name}.md"
        if transcript.exists():
            replace_section(ROOT / "docs" / page, name, transcript.read_text("utf-8"))
            print(f"docs/{page}: {name}")
