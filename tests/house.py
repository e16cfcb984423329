"""The house in figures: rooms, circles, climbs, names defined twice, product lines.

``python -m tests.house`` prints them; `tests.test_architecture` holds what must hold.
"""

import ast
import io
import tokenize
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("envs", "baselines", "agents", "experiments")

LAYERS = (
    (
        "envs.arrays", "envs.compiler", "envs.errors", "envs.files", "envs.governors", "envs.jit",
        "envs.limits", "envs.tables", "envs.toml", "envs.yaml_files",
    ),
    ("envs.inference", "envs.physics"),
    ("envs.scenario",),
    ("envs.boards",),
    ("envs",),
    ("baselines",),
    ("agents",),
    ("experiments",),
)  # fmt: skip
"""From the ground up: a module imports only from its own layer and those before it."""

TRACE = "experiments.twin.identify"
PROFILE = ("experiments.twin", "envs.physics", "envs.boards.profile")
"""Where the way of a trace begins, and the places it leads through, to the profile."""

Graph = dict[str, set[str]]
"""Modules that each module imports."""


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Files of the product's modules, by their names within the package."""
    paths = (path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py")))
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }


def rooms(folder: str) -> list[str]:
    """Modules and packages at the top of a folder, but for its ``__init__``."""
    names = {
        path.stem
        for path in (ROOT / folder).iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()
    }
    return sorted(names)


def import_graph() -> Graph:
    """Imports between modules, wherever they stand but under ``if TYPE_CHECKING``."""
    files = modules()
    graph: Graph = {name: set() for name in files}
    for name, path in files.items():
        for statement in ast.parse(path.read_text()).body:
            if not (isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test)):
                graph[name] |= _imported(statement, files)
    return graph


def _imported(statement: ast.stmt, files: dict[str, Path]) -> set[str]:
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tvfs_gym."):
            package = (node.module or "").removeprefix("tvfs_gym.")
            for alias in node.names:
                within = f"{package}.{alias.name}"
                found.add(within if within in files else package)
    return found


def layer(module: str) -> int:
    """The layer of a module; the longest name that fits it decides."""
    names = [(name, level) for level, group in enumerate(LAYERS) for name in group]
    return max((len(name), level) for name, level in names if _within(module, name))[1]


def _within(module: str, place: str) -> bool:
    return f"{module}.".startswith(f"{place}.")


def climbs(graph: Graph) -> list[tuple[str, str]]:
    """Imports on the way of a trace to a profile that climb back up, importer first.

    The way is what `TRACE` imports, directly or by way of others, in the places of `PROFILE`. It
    leads down, from layer to layer and from a folder into the folders in it. An import climbs if
    the imported module stands in a higher layer, or directly in a folder around the importer's.
    """
    way = {TRACE} | _reached(graph, TRACE)
    way = {name for name in way if any(_within(name, place) for place in PROFILE)}
    return sorted(
        (importer, imported)
        for importer in way
        for imported in graph[importer] & way
        if layer(imported) > layer(importer)
        or _folder(importer).startswith(f"{_folder(imported)}.")
    )


def _folder(module: str) -> str:
    return module.rpartition(".")[0]


def circles(graph: Graph) -> list[set[str]]:
    """Groups of modules that import each other, directly or by way of others."""
    reached = {name: _reached(graph, name) for name in graph}
    groups = {
        frozenset(other for other in reached[name] if name in reached[other])
        for name in graph
        if name in reached[name]
    }
    return [set(group) for group in groups]


def _reached(graph: Graph, start: str) -> set[str]:
    found: set[str] = set()
    waiting = [*graph[start]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph.get(name, ())
    return found


def doubled_names() -> dict[str, list[str]]:
    """Public classes and functions that several modules define."""
    places: dict[str, list[str]] = defaultdict(list)
    for module, path in modules().items():
        for statement in ast.parse(path.read_text()).body:
            if isinstance(statement, ast.ClassDef | ast.FunctionDef):
                places[statement.name].append(module)
    doubled = {name: found for name, found in places.items() if len(found) > 1}
    return {name: doubled[name] for name in sorted(doubled) if not name.startswith("_")}


def product_lines(root: Path = ROOT) -> int:
    """Lines of code, without blank lines, comments and docstrings."""
    return sum(_code_lines(path.read_text()) for path in modules(root).values())


def _code_lines(source: str) -> int:
    documented = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                documented |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    ignored = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in ignored and token.type != tokenize.ENDMARKER:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - documented)


def main() -> None:
    """Prints the figures."""
    graph, doubled = import_graph(), doubled_names()
    print(f"{len(graph)} modules, {product_lines()} lines of code")
    for folder in FOLDERS:
        print(f"{folder}: {len(rooms(folder))} rooms: {', '.join(rooms(folder))}")
    print(f"circles: {circles(graph) or 'none'}")
    ways = [f"{importer} -> {imported}" for importer, imported in climbs(graph)]
    print(f"a trace climbs back up on its way to a profile: {len(ways)}: {', '.join(ways)}")
    print(f"names defined more than once: {len(doubled)}: {', '.join(doubled)}")


if __name__ == "__main__":
    main()
