"""Options of ``tvfs-gym adaptta live``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tvfs_gym.experiments.options import TauOption

if TYPE_CHECKING:
    from tvfs_gym.envs.inference.augmentation import Geometry


@dataclass(frozen=True)
class LiveOptions:
    """Options of a live run, as for `AdapTTA`, `Geometry` and `TfliteClassifier`."""

    policy: Annotated[
        str, typer.Option(help="Views: 1C, 5C, 10C, or a list such as 'C,C+flip,TL+blur:1'.")
    ] = "10C"
    view_order: Annotated[
        str, typer.Option(help="Order of the views: centre_first, interleaved or torchvision.")
    ] = "centre_first"
    aggregation: Annotated[
        str, typer.Option(help="Consensus of the views: mean, geometric, vote or max.")
    ] = "mean"
    confidence: Annotated[
        str, typer.Option(help="Confidence estimator: max, margin, entropy or temperature:T.")
    ] = "max"
    stop_on: Annotated[
        str, typer.Option(help="Confidence that is compared with tau: consensus or last view.")
    ] = "consensus"
    tau: TauOption = 0.8
    geometry: Annotated[str, typer.Option(help="Cut of the views: boxes or resize_once.")] = "boxes"
    crop_fraction: Annotated[
        float, typer.Option(help="Side of a crop relative to the image's shorter side.")
    ] = 0.875
    resizer: Annotated[str, typer.Option(help="Interpolation: bilinear or bicubic.")] = "bilinear"
    threads: Annotated[int, typer.Option(help="CPU threads of a pass.")] = 1
    xnnpack: Annotated[bool, typer.Option(help="Let the runtime use XNNPACK.")] = True

    def cut(self) -> "Geometry":
        """The geometry of the views.

        Raises:
            InputError: There is no such geometry or resizer.
        """
        from tvfs_gym.envs.inference.augmentation import Geometry  # and with it Pillow

        return Geometry(self.geometry, self.crop_fraction, self.resizer)
