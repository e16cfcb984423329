"""Makes the long description of the package: the README without what leads into the checkout."""

import re
from pathlib import Path

from setuptools import setup

PICTURE = re.compile(r"!\[[^\]]*\]\((?!https?:)[^)]*\)")
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")


def long_description(readme: str) -> str:
    """Leaves out paragraphs and tables with pictures of the checkout, and links into it."""
    paragraphs = [text for text in readme.split("\n\n") if not PICTURE.search(text)]
    return LINK.sub(r"\1", "\n\n".join(paragraphs))


if __name__ == "__main__":
    setup(
        long_description=long_description(Path("README.md").read_text(encoding="utf-8")),
        long_description_content_type="text/markdown",
    )
