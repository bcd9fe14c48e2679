"""Upscaling of files and folders, one after the other, without losing any."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import keras
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from srkit import images
from srkit.errors import InputError
from srkit.inference import scale_of, upscale


@dataclass
class Summary:
    """What became of the files: those written, and those that failed with a sentence that says why."""

    done: list[Path] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)


def upscale_files(
    inputs: Iterable["str | os.PathLike"],
    output: "str | os.PathLike | None",
    model: keras.Model,
    ensemble: bool = False,
    overwrite: bool = False,
) -> Summary:
    """Upscales image files, and all images below folders.

    Args:
        inputs: Files and folders.
        output: For one file, a file (a name with an image's extension) or a folder; else a folder, in which folders
            are mirrored. Without, each result lies beside its input, with `_x` and the scale behind its name.
        model: From LR to SR.
        ensemble: See `srkit.upscale`.
        overwrite: Replace results that are already there; otherwise they count as failed.

    Returns:
        What became of the files. One that fails does not stop the others.

    Raises:
        InputError: There is no image among the inputs, or two of them would be written to one file.
    """
    scale = scale_of(model)
    targets = _targets([Path(path) for path in inputs], None if output is None else Path(output), scale)
    summary = Summary()
    for source, target in tqdm(targets.items(), desc="Upscaling", unit="photo", disable=len(targets) < 2):
        try:
            if target.exists() and not overwrite:
                raise InputError(f"{target} is already there; --overwrite replaces it.")
            images.write(target, upscale(source, model, ensemble))
            summary.done.append(target)
        except InputError as error:
            summary.failed[source] = str(error)
        except OSError as error:
            summary.failed[source] = f"{target} could not be written: {error.strerror or error}"
        except (MemoryError, tf.errors.ResourceExhaustedError):
            summary.failed[source] = f"{source}: memory does not suffice for this image."
    return summary


def _targets(inputs: list[Path], output: Path | None, scale: int) -> dict[Path, Path]:
    """For each image where its result goes."""
    targets = {}
    for given in inputs:
        if given.is_dir():
            for source in _sources(given, output, scale):
                inside = source.relative_to(given)
                targets[source] = _beside(source, scale) if output is None else _writable(output / inside)
        elif output is None:
            targets[given] = _beside(given, scale)
        elif len(inputs) == 1 and output.suffix and not output.is_dir():
            targets[given] = output
        else:
            targets[given] = _writable(output / given.name)
    if not targets:
        raise InputError(f"There is no image in {', '.join(map(str, inputs))}.")
    taken, originals = {}, {source.resolve() for source in targets}
    for source, target in targets.items():
        if target in taken:
            raise InputError(f"{source} and {taken[target]} would both be written to {target}: give folders apart.")
        if target.resolve() in originals:
            raise InputError(
                f"{source} would be written over {target}, which is itself to be upscaled: choose another -o."
            )
        taken[target] = source
    return targets


def _sources(folder: Path, output: Path | None, scale: int) -> list[Path]:
    """The images of a folder, without those that an earlier call has written there."""
    sources = images.list_images(folder)
    if output is not None:
        if output.resolve() == folder.resolve():
            return sources
        return [source for source in sources if output.resolve() not in source.resolve().parents]
    results = {_beside(source, scale) for source in sources}
    return [source for source in sources if source not in results]


def _beside(source: Path, scale: int) -> Path:
    return _writable(source.with_name(f"{source.stem}_x{scale}{source.suffix}"))


def _writable(path: Path) -> Path:
    """The path with an extension that can hold the result: a GIF's 256 colours cannot, nor can an unknown format."""
    file_format = Image.registered_extensions().get(path.suffix.lower())
    return path if file_format in Image.SAVE and file_format != "GIF" else path.with_name(f"{path.name}.png")
