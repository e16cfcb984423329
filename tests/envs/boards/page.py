"""The programs that prove a board's safety: their arguments, and the page with their figures."""

import argparse
from pathlib import Path

from tvfs_gym.experiments.results.tables import replace_section

PAGE = Path(__file__).parents[3] / "docs" / "board.md"


def arguments(description: str | None) -> argparse.Namespace:
    """``COUNT [--seed SEED] [--publish]``, from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--publish", action="store_true", help="put the figures into docs/board.md")
    return parser.parse_args()


def tell(section: str, figures: str, publish: bool) -> None:
    """Prints what came out, and if asked to, puts it into the page."""
    print(figures)
    if publish:
        replace_section(PAGE, section, figures)
