"""How a benchmark's result is shown: in a terminal, as Markdown and JSON, and as crops."""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from srkit.evaluation.metrics import METRICS
from srkit.files import write_atomically
from srkit.image import nearest, side_by_side, write_image

_CROP_PX = 128
_ENLARGEMENT = 2


def print_result(result: dict) -> None:
    """Prints a table to the terminal: the images and their mean for one model, the means of several."""
    header, rows = _means(result)
    mean = None
    if "images" in result:
        header[0] = result["models"][0]["model"]
        rows = [[image["name"], *_numbers(image, result)] for image in result["images"]]
        mean = ["mean", *_numbers(result["mean"], result)]
    print_table(header, rows, _notes(result), mean)


def print_table(header: list[str], rows: list[list[str]], notes: Sequence[str] = (), last: Sequence[str] = ()) -> None:
    """Prints a table to the terminal.

    Args:
        header: The headings; the first column is of names, the others of numbers.
        rows: The cells.
        notes: Lines below the table.
        last: A row that is set apart from the others.
    """
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD)
    for column, name in enumerate(header):
        table.add_column(
            _text(name, console), justify="right" if column else "left", no_wrap=column > 0, overflow="fold"
        )
    for row in rows:
        table.add_row(*(_text(cell, console) for cell in row))
    if last:
        table.add_section()
        table.add_row(*(_text(cell, console) for cell in last))
    console.print(table)
    print_lines(notes)


def print_lines(lines: Sequence[str]) -> None:
    """Prints lines to the terminal, which may break them."""
    console = Console(highlight=False)
    for line in lines:
        console.print(_text(line, console), soft_wrap=True)


def _text(value: str, console: Console) -> Text:
    """What the terminal's encoding cannot write, in the name of a file for one, becomes "?"."""
    return Text(value.encode(console.encoding, "replace").decode(console.encoding))


def write_markdown(result: dict, path: "str | os.PathLike") -> None:
    """Writes the means, then a row for each image, as Markdown tables."""
    models = result["models"]
    names = [image["name"] for image in models[0]["images"]]
    rows = [
        [name, *(" / ".join(_numbers(model["images"][index], result)) for model in models)]
        for index, name in enumerate(names)
    ]
    header = [" / ".join(METRICS[name].label for name in result["metrics"]), *(model["model"] for model in models)]
    notes = "\n".join(f"- {line}" for line in _notes(result))
    _write(path, "\n\n".join([markdown_table(*_means(result)), notes, markdown_table(header, rows)]))


def write_json(result: dict, path: "str | os.PathLike") -> None:
    """Writes a result as JSON, which knows no infinity: the PSNR of equal images is null there."""
    _write(path, json.dumps(_finite(result), indent=2, ensure_ascii=False, allow_nan=False))


def contact_row(name: str, hr: np.ndarray, made: dict[str, np.ndarray], psnr: dict[str, float]) -> np.ndarray:
    """Sets the same crop of HR and its reconstructions side by side, where the first of these errs most.

    Args:
        name: The image's name.
        hr: uint8 array of shape (height, width, 3).
        made: For each model's name its SR, of HR's shape.
        psnr: For each model's name its score on the whole image, in dB.

    Returns:
        One uint8 RGB image, with names and scores above the crops.
    """
    side = min(_CROP_PX, *hr.shape[:2])
    error = cv2.absdiff(hr, next(iter(made.values()))).sum(axis=2, dtype=np.float32)
    # Each value is the mean of the square that begins there.
    means = cv2.boxFilter(error, cv2.CV_32F, (side, side), anchor=(0, 0))
    inside = means[: hr.shape[0] - side + 1, : hr.shape[1] - side + 1]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    columns = {f"HR {name}": hr, **{f"{psnr[model]:.2f} dB {model}": sr for model, sr in made.items()}}
    crops = {}
    for title, image in columns.items():
        crop = nearest(image[top : top + side, left : left + side], _ENLARGEMENT)
        missing = _ENLARGEMENT * (_CROP_PX - side)
        crops[title] = cv2.copyMakeBorder(crop, 0, missing, 0, missing, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return side_by_side(crops)


def write_contact_sheet(rows: list[np.ndarray], path: "str | os.PathLike") -> None:
    """Writes rows of crops below each other."""
    write_image(path, np.concatenate(rows))


def _means(result: dict) -> tuple[list[str], list[list[str]]]:
    """The table of the models: its header and its rows."""
    metrics = [METRICS[name] for name in result["metrics"]]
    header = ["model", *(metric.label for metric in metrics)]
    rows = [[model["model"], *_numbers(model["mean"], result)] for model in result["models"]]
    if any(value is not None for model in result["models"][1:] for value in model["p"].values()):
        header += [f"p ({metric.name})" for metric in metrics]
        rows[0] += [""] * len(metrics)
        for row, model in zip(rows[1:], result["models"][1:]):
            row += ["-" if p is None else f"{p:.2g}" for p in model["p"].values()]
    return header, rows


def _numbers(scores: dict, result: dict) -> list[str]:
    return [METRICS[name].format(scores[name]) for name in result["metrics"]]


def _notes(result: dict) -> list[str]:
    return [result[key] for key in ("data", "protocol", "significance") if key in result]


def markdown_table(header: list[str], rows: list[list[str]], num_names: int = 1) -> str:
    """A table in Markdown, whose first columns are of names, the others of numbers."""
    lines = [header, ["---" if index < num_names else "---:" for index in range(len(header))], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(path: "str | os.PathLike", text: str) -> None:
    write_atomically(Path(path), lambda file: file.write(f"{text}\n".encode(errors="replace")))
