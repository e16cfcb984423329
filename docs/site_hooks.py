"""Hooks of MkDocs: the README is the front page; links to what is no page become plain text."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(((?!https?:|mailto:|#)[^)\s]+)\)")
FROM_README = re.compile(r"(\]\()docs/")


def on_files(files: Files, config: Any) -> Files:
    """Adds the README, with its links into docs/ turned into links within it."""
    readme = (Path(config.docs_dir).parent / "README.md").read_text(encoding="utf-8")
    content = FROM_README.sub(r"\1", readme)
    files.append(File.generated(config, "index.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Leaves the text, and the path behind it, of every link that leads out of the site."""
    root = Path(config.docs_dir).parent

    def plain(link: re.Match[str]) -> str:
        text, target = link[1], link[2].split("#")[0]
        base = PurePosixPath(page.file.src_uri).parent
        inside = _normal(base / target)
        if files.get_file_from_path(inside) is not None:
            return link[0]
        path = _normal(PurePosixPath("docs") / base / target)
        if page.file.src_uri == "index.md":
            path = target
        if not (root / path).exists():
            return link[0]  # a dead link, which the strict build reports
        return text if path in text else f"{text} (`{path}`)"

    return LINK.sub(plain, markdown)


def _normal(path: PurePosixPath) -> str:
    """A path without its ``..``."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
