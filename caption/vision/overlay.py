"""Attention drawn over the picture it belongs to, for people.

Where the weights are low the photo goes dark and loses its colours; where they are high it keeps
them under a warm tint. So a map is read from brightness alone, by colour-blind eyes too.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from PIL import Image, ImageChops, ImageDraw, ImageFont
from torch import Tensor

from caption.files.fonts import font_for

# Matplotlib's inferno (CC0) up to its yellow, at even steps: every step is lighter than the last.
_TINTS = np.array([(0, 0, 4), (66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 176, 20)])
MAX_SIDE = 512
"""Pixels of the longer side of a map, at most."""
_DARKEST = 0.35
"""Share of the light left where the weight is zero: dim, yet still to be recognised."""
_STRONGEST_TINT = 0.4
"""Share of the tint where the weight is highest; above a half the photo is hard to see."""
_TEXT_SIZE, _NOTE_SIZE, _MARGIN = 16, 13, 4
_NOTE_COLOUR = "#595959"

# What each grey of the heat becomes.
_HEATS = np.linspace(0, 1, 256)
_LIGHTS = 255 * (_DARKEST + (1 - _DARKEST) * _HEATS) * (1 - _STRONGEST_TINT * _HEATS)
_TINTED = [
    _STRONGEST_TINT * _HEATS * np.interp(_HEATS, np.linspace(0, 1, len(_TINTS)), channel)
    for channel in _TINTS.T
]
_LIGHT: list[int] = _LIGHTS.round().astype(int).tolist()
_PALETTE: list[int] = np.stack(_TINTED, axis=1).round().astype(int).flatten().tolist()

Weights = Float[Tensor, "row column"] | Float[np.ndarray, "row column"]


def heat_map(
    image: Image.Image,
    weights: Weights,
    *,
    peak: float | None = None,
    max_side: int = MAX_SIDE,
) -> Image.Image:
    """Return the picture, bright where the weights are high and dim where they are low.

    Args:
        image: An RGB picture; the weights cover all of it, whatever its aspect.
        weights: Attention over a grid laid on the picture, top-left first.
        peak: The weight drawn brightest, to compare several maps; by default this map's highest.
        max_side: The result is made smaller, never larger, to this many pixels at most.
    """
    (drawn,) = heat_maps(image, [weights], peak=peak, max_side=max_side)
    return drawn


def heat_maps(
    image: Image.Image,
    attention: Iterable[Weights],
    *,
    peak: float | None = None,
    max_side: int = MAX_SIDE,
) -> list[Image.Image]:
    """Return a map for each of some weights, as `heat_map` draws it."""
    scale = min(1.0, max_side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    photo = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    grey = photo.convert("L").convert("RGB")
    heats = (_smooth(_checked(weights), size, peak) for weights in attention)
    return [_lit(Image.composite(photo, grey, heat), heat) for heat in heats]


def word_sheet(
    image: Image.Image,
    words: Sequence[str],
    attention: Float[np.ndarray, "word row column"],
    *,
    notes: Sequence[str] = (),
    columns: int = 6,
    side: int = 180,
) -> Image.Image:
    """Return one picture with the photo and, for each word, the photo's heat map under the word.

    Args:
        image: An RGB picture.
        words: What was written; its number, where no font here has a word's letters.
        attention: Where each word was seen.
        notes: What else there is to say of each word; by default nothing.
        columns: Pictures in a line.
        side: Pixels of the longer side of each picture.
    """
    tiles = heat_maps(image, attention, max_side=side)
    tiles.insert(0, image.resize(tiles[0].size, Image.Resampling.BICUBIC) if tiles else image)
    width, height = tiles[0].size
    # Room for notes only where there are some.
    head = _TEXT_SIZE + 2 * _MARGIN + (_NOTE_SIZE + _MARGIN if any(notes) else 0)
    line = height + head
    lines = math.ceil(len(tiles) / columns)
    sheet = Image.new("RGB", (min(columns, len(tiles)) * (width + _MARGIN), lines * line), "white")
    draw = ImageDraw.Draw(sheet)
    labels = zip(("", *words), ("", *(notes or [""] * len(words))), strict=True)
    for number, (tile, (word, note)) in enumerate(zip(tiles, labels, strict=True)):
        x, y = number % columns * (width + _MARGIN), number // columns * line
        middle, below = x + width / 2, y + _TEXT_SIZE + 2 * _MARGIN
        for place, text, size, colour in (
            (y + _MARGIN, word, _TEXT_SIZE, "black"),
            (below, note, _NOTE_SIZE, _NOTE_COLOUR),
        ):
            font = font_for(text, size)
            text = text if font else str(number)  # a number tells more than empty boxes
            font = font or ImageFont.load_default(size)
            draw.text((middle, place), text, fill=colour, font=font, anchor="ma")
        sheet.paste(tile, (x, y + head))
    return sheet


def _checked(weights: Any) -> npt.NDArray[np.float64]:
    if isinstance(weights, Tensor):
        weights = weights.detach().cpu().double().numpy()
    values: npt.NDArray[np.float64] = np.asarray(weights, dtype=np.float64)
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError("weights must be finite numbers, at least one of them")
    return values.clip(min=0)


def _smooth(
    weights: npt.NDArray[np.float64], size: tuple[int, int], peak: float | None
) -> Image.Image:
    """Return the weights as the grey of an image of this width and height."""
    if peak is None:
        peak = float(weights.max())
    greys = 255 * (weights / peak if peak > 0 else weights).clip(max=1)
    smooth = Image.fromarray(greys.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    return smooth.convert("L")  # which clips: bicubic overshoots beside steep slopes


def _lit(image: Image.Image, heat: Image.Image) -> Image.Image:
    """Return an image with the light and the tint that the grey of another says."""
    light = Image.merge("RGB", [heat.point(_LIGHT)] * 3)
    heat.putpalette(_PALETTE)
    return ImageChops.add(ImageChops.multiply(image, light), heat.convert("RGB"))
