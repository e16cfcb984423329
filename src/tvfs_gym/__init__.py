"""Gymnasium environments of embedded boards under continuous ConvNet inference."""

from importlib.metadata import version

from tvfs_gym import envs as envs  # registers the environments

__version__ = version("tvfs-gym")
