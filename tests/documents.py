"""Code blocks of the documents."""

import re
from pathlib import Path


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    """Lines of a page's shell blocks that call ``tvfs-gym``, joined where a backslash goes on."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line.split("#")[0] for line in lines if line.removeprefix("sudo ")[:9] == "tvfs-gym "]
