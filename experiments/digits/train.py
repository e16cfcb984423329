"""Draws the pictures of the embedded family ``digits`` and trains its networks.

``python experiments/digits/train.py FOLDER`` writes twelve slim MobileNetV1 (and one more, trained
without mirrored pictures), as full-int8 TFLite files, and ``pictures.zip`` with the labelled test
pictures. The published motivation in miniature: the networks learn scikit-learn's digits upright on
a clean background, and are tested "in the field" on digits that are turned, shifted, of other
sizes, before clutter and in other light. The held-out digits, the last 500 of the set, are not used
for training. All settings were chosen on a part of the training digits, except the number of
epochs: it was cut from 40 to 30 to save time, after a first run's held-out accuracy had been
seen.

Its packages need NumPy 2 and so cannot share an environment with tflite-runtime: ``make zoo`` makes
an environment for it. Seeds are fixed, but the figures depend on the
processor's arithmetic. The files that ship were made by one run, in 19 minutes on two cores that
were shared with other work.
"""

import csv
import io
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import litert_torch
import numpy as np
import torch
from ai_edge_quantizer import recipe
from ai_edge_quantizer.quantizer import Quantizer
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

WIDTHS = (0.25, 0.5, 0.75, 1.0)
INPUTS_PX = (32, 48, 64)
UNMIRRORED = (0.5, 48)
"""Width and input of the network that is also trained without mirrored pictures."""

HELD_OUT = 500
CLEAN_PICTURES = 200
"""Number of held-out digits that are also drawn clean."""

PICTURE_PX = 80
CROP_PX = 70
"""Side of AdapTTA's crops of a picture: 0.875 of it."""

EPOCHS = 30
BATCH = 64
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 0.02
CALIBRATION_PICTURES = 200

BLOCKS = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (192, 2), (192, 1))
"""Output channels at width 1 and stride of the depthwise separable blocks."""

Grey = NDArray[np.float32]


# Pictures


def clean_picture(digit: Grey, rng: Generator) -> Image.Image:
    """Draws a digit upright in the middle of a uniform background."""
    paper, ink = rng.uniform(180, 245), rng.uniform(10, 80)
    alpha = _placed(digit, 0.75, 0.0, (0.0, 0.0))
    return Image.fromarray(_bytes(paper + (ink - paper) * alpha)).convert("RGB")


def field_picture(digit: Grey, rng: Generator) -> Image.Image:
    """Draws a digit as a camera may see it.

    Turned by up to 25 degrees, shifted by up to a tenth of the picture, 0.45 to 0.8 of it high,
    before up to five strokes of clutter, lit from one side, in coloured light, out of focus.
    """
    paper, ink = rng.uniform(120, 255), rng.uniform(0, 90)
    shift = rng.uniform(-0.1, 0.1, 2)
    alpha = _placed(digit, rng.uniform(0.45, 0.8), rng.uniform(-25, 25), (shift[0], shift[1]))
    background = _cluttered(paper, ink, rng)
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:PICTURE_PX, :PICTURE_PX] / PICTURE_PX - 0.5
    slope = rng.uniform(0, 0.7)
    light = 1 + slope * (np.cos(angle) * columns + np.sin(angle) * rows)
    grey = (background + (ink - background) * alpha) * light
    colour = rng.uniform(0.75, 1.0, 3)
    picture = Image.fromarray(_bytes(grey[..., np.newaxis] * colour))
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.8)))


def _placed(digit: Grey, size: float, angle: float, shift: tuple[float, float]) -> Grey:
    """Ink of a digit, 0..1, on an empty picture; size and shift relative to the picture."""
    side = round(size * PICTURE_PX)
    glyph = Image.fromarray(_bytes(digit * (255 / 16)))
    glyph = glyph.resize((side, side), Image.Resampling.BICUBIC)
    glyph = glyph.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    left = round((PICTURE_PX - glyph.width) / 2 + shift[0] * PICTURE_PX)
    top = round((PICTURE_PX - glyph.height) / 2 + shift[1] * PICTURE_PX)
    canvas = Image.new("L", (PICTURE_PX, PICTURE_PX))
    canvas.paste(glyph, (left, top))
    return np.asarray(canvas, np.float32) / np.float32(255)


def _cluttered(paper: float, ink: float, rng: Generator) -> Grey:
    background = Image.new("L", (PICTURE_PX, PICTURE_PX), round(paper))
    draw = ImageDraw.Draw(background)
    for _ in range(rng.integers(1, 6)):
        x, y = rng.uniform(-10, PICTURE_PX + 10, 2)
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(15, 60)
        end = (x + length * np.cos(angle), y + length * np.sin(angle))
        grey = round(paper + (ink - paper) * rng.uniform(0.2, 0.6))
        draw.line([(x, y), end], fill=grey, width=int(rng.integers(1, 4)))
    return np.asarray(background, np.float32)


def _bytes(grey: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(np.round(grey), 0, 255).astype(np.uint8)


def write_pictures(path: Path) -> None:
    """Writes the held-out digits, in the field and clean, as PNG files in one zip.

    Its ``images.csv`` lists the field pictures, ``clean.csv`` the clean ones: file and label. The
    archive bears no dates, so that it is the same every time.
    """
    digits, labels = _digits()
    rng = default_rng(2)
    with ZipFile(path, "w") as archive:
        for list_name, folder, draw, colours, count in (
            ("images.csv", "field", field_picture, 16, HELD_OUT),
            ("clean.csv", "clean", clean_picture, 8, CLEAN_PICTURES),
        ):
            rows = io.StringIO()
            table = csv.writer(rows, lineterminator="\n")
            table.writerow(("file", "label"))
            for index in range(len(labels) - HELD_OUT, len(labels) - HELD_OUT + count):
                picture = draw(digits[index], rng).quantize(colours, dither=Image.Dither.NONE)
                png = io.BytesIO()
                picture.save(png, "PNG", optimize=True)
                archive.writestr(ZipInfo(f"{folder}/{index:04}.png"), png.getvalue())
                table.writerow((f"{folder}/{index:04}.png", labels[index]))
            archive.writestr(ZipInfo(list_name), rows.getvalue())


def _digits() -> tuple[Grey, NDArray[np.int64]]:
    data = load_digits()
    return data.images.astype(np.float32), data.target.astype(np.int64)


# Training


class SlimMobileNetV1(nn.Module):
    """MobileNetV1 (arXiv:1704.04861) with fewer and narrower blocks; gives logits."""

    def __init__(self, width: float) -> None:
        super().__init__()
        channels = int(16 * width)
        layers = [nn.Conv2d(3, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU6()]
        for at_width_one, stride in BLOCKS:
            before, channels = channels, int(at_width_one * width)
            layers += [
                nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False),
                nn.BatchNorm2d(before),
                nn.ReLU6(),
                nn.Conv2d(before, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU6(),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(channels, 10))

    def forward(self, pixels: Tensor) -> Tensor:
        """Computes logits, shape (batch, 10), of pixels -1..1, shape (batch, 3, height, width)."""
        return self.head(self.features(pixels).permute(0, 2, 3, 1).mean((1, 2)))


def trained(width: float, input_px: int, mirrored: bool) -> SlimMobileNetV1:
    """Trains a network on the clean pictures of the digits that are not held out.

    As usual for ImageNet, its views are random crops of other sizes and light, half of them
    mirrored.
    """
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = default_rng(1)
    digits, labels = _digits()
    count = len(labels) - HELD_OUT
    draw = default_rng(0)
    pictures = [_with_margin(clean_picture(digit, draw)) for digit in digits[:count]]
    network = SlimMobileNetV1(width).train()
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * (count // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    for _ in range(EPOCHS):
        order = rng.permutation(count)
        for batch in order[: count // BATCH * BATCH].reshape(-1, BATCH):
            views = np.stack([_view(pictures[i], input_px, mirrored, rng) for i in batch])
            loss = nn.functional.cross_entropy(
                network(_tensor(views)), torch.from_numpy(labels[batch])
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


MARGIN_PX = 20


def _with_margin(picture: Image.Image) -> Image.Image:
    side = PICTURE_PX + 2 * MARGIN_PX
    wider = Image.new("RGB", (side, side), picture.getpixel((0, 0)))
    wider.paste(picture, (MARGIN_PX, MARGIN_PX))
    return wider


def _view(picture: Image.Image, input_px: int, mirrored: bool, rng: Generator) -> Grey:
    """A random crop, 0.8 to 1.6 times as wide as AdapTTA's, in other light."""
    side = CROP_PX * rng.uniform(0.8, 1.6)
    centre = picture.width / 2 + PICTURE_PX * rng.uniform(-0.14, 0.14, 2)
    left, top = np.clip(centre - side / 2, 0, picture.width - side)
    box = (left, top, left + side, top + side)
    crop = picture.resize((input_px, input_px), Image.Resampling.BILINEAR, box=box)
    pixels = (np.asarray(crop, np.float32) - 128) * rng.uniform(0.5, 1.2) + rng.uniform(88, 168)
    if mirrored and rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    return np.clip(pixels, 0, 255).astype(np.float32)


def _tensor(views: Grey) -> Tensor:
    """Pixels 0..255 of shape (batch, height, width, 3) as the network's input."""
    return torch.from_numpy((views - 128) / 128).permute(0, 3, 1, 2).contiguous()


# Conversion


class Exported(nn.Module):
    """The network as TFLite wants it: channels last, batch normalisation folded, softmax."""

    def __init__(self, network: SlimMobileNetV1) -> None:
        super().__init__()
        layers = list(network.features)
        pairs = zip(layers[::3], layers[1::3], strict=True)
        folded = [(fuse_conv_bn_eval(conv, norm), nn.ReLU6()) for conv, norm in pairs]
        network.features = nn.Sequential(*(layer for pair in folded for layer in pair))
        self.network = network.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        """Computes probabilities, shape (1, 10), of pixels -1..1, shape (1, height, width, 3)."""
        return torch.softmax(self.network(pixels.permute(0, 3, 1, 2)), -1)


def write_tflite(network: SlimMobileNetV1, input_px: int, path: Path) -> None:
    """Writes a network as TFLite, int8 throughout, calibrated on views of training pictures."""
    example = (torch.zeros(1, input_px, input_px, 3),)
    float_path = path.with_suffix(".float")
    litert_torch.convert(Exported(network).eval(), example).export(str(float_path))
    rng = default_rng(3)
    views = [
        _view(_with_margin(clean_picture(digit, rng)), input_px, True, rng)
        for digit in _digits()[0][:CALIBRATION_PICTURES]
    ]
    for view in views:  # the quantiser averages the pictures' ranges: let each span all grey levels
        view[0, 0], view[0, 1] = 0, 255
    samples = [{"args_0": (view[np.newaxis] - 128) / 128} for view in views]
    quantizer = Quantizer(str(float_path))
    quantizer.load_quantization_recipe(recipe.static_wi8_ai8())
    calibration = quantizer.calibrate({"serving_default": samples})
    quantizer.quantize(calibration).export_model(str(path), overwrite=True)
    float_path.unlink()


def train_network(width: float, input_px: int, mirrored: bool, folder: str) -> str:
    """Trains and writes one network; returns the name of its file and its training time."""
    start_s = time.perf_counter()
    name = f"digits_{width}_{input_px}{'' if mirrored else '_unmirrored'}.tflite"
    write_tflite(trained(width, input_px, mirrored), input_px, Path(folder) / name)
    return f"{name}: {time.perf_counter() - start_s:.0f} s"


def main() -> None:
    """Writes everything into the folder that the command names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    start_s = time.perf_counter()
    write_pictures(folder / "pictures.zip")
    (folder / "labels.txt").write_text("".join(f"{digit}\n" for digit in range(10)))
    members = [(w, px, True) for px, w in product(sorted(INPUTS_PX, reverse=True), WIDTHS[::-1])]
    members.append((*UNMIRRORED, False))
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(train_network, *member, str(folder)) for member in members]:
            print(done.result(), flush=True)
    print(f"all: {time.perf_counter() - start_s:.0f} s on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
