"""Python files of a user's own."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from tvfs_gym.envs.errors import InputError


def load_module(path: Path) -> ModuleType:
    """Runs a Python file.

    Raises:
        InputError: There is no such file, or it fails.
    """
    if not path.is_file():
        raise InputError(f"there is no Python file {path}.")
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"cannot run {path}: {type(error).__name__}: {error}.") from error
    return module
