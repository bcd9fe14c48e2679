"""Upscaling of files and folders, one after the other, without losing any."""

import glob
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from srkit.errors import InputError, check_choice
from srkit.image import MAX_PIXELS, NO_PHOTOGRAPHS, Photo, check_target, format_of, list_images, read_photo, write_photo
from srkit.inference.upscale_photo import Size, enlarge, enlarging_scale_of
from srkit.inference.upscaling import memory_used_and_limit

EXISTING = ("refuse", "skip", "overwrite")

# The names that results get beside their photographs: as Size prints itself.
_OWN_NAME = re.compile(r"(.+)_(x\d+(\.\d+)?|\d+[wh]|\d+x\d+)(\.\w+)+")


@dataclass
class Summary:
    """What became of the files.

    Attributes:
        done: The files written.
        skipped: The photographs whose results were already there.
        failed: The photographs that failed, each with a sentence that says why.
        remarks: What was changed or left out on the way, a phrase each, with the photographs that it holds for.
    """

    done: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)
    remarks: dict[str, list[Path]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{len(self.done)} upscaled, {len(self.skipped)} skipped, {len(self.failed)} failed"


def upscale_files(
    inputs: Iterable["str | os.PathLike"],
    output: "str | os.PathLike | None",
    model: keras.Model,
    *,
    size: Size | None = None,
    ensemble: bool = False,
    existing: str = "refuse",
    quality: int = 95,
    strip: bool = False,
    max_pixels: int = MAX_PIXELS,
    memory: int | None = None,
    precision: str = "auto",
) -> Summary:
    """Upscales image files, and all images below folders, with their depth, opacity, profile and metadata.

    The next photograph is read and the last one written while one is computed; what is so large that the memory would
    not suffice for both is written first.

    Args:
        inputs: Files, folders, patterns such as `**/*.jpg`, and `-` for a list on standard input, a path a line
            (or, as `find -print0` prints them, with zeros between).
        output: For one file, a file (a name with an image's extension) or a folder; for more a folder, in which folders
            are mirrored. Or a pattern with `{stem}`: `{parent}` is the photograph's folder, `{dir}` where it lies
            within the folder given, `{stem}` and `{ext}` its name's two parts, `{size}` is x4 or the like.
            Without, `{parent}/{stem}_{size}.{ext}`.
        model: From LR to SR.
        size: Of the results; without, as the model enlarges.
        ensemble, memory, precision: See `srkit.upscale`.
        existing: Whether results that are already there are left and count as failed (`"refuse"`), are left and counted
            (`"skip"`), or are replaced (`"overwrite"`).
        quality: For JPEG, WebP, AVIF and HEIC, 1 to 100.
        strip: Leave EXIF and XMP out.
        max_pixels: Files that claim to hold more are refused.

    Returns:
        What became of the files. One that fails does not stop the others.

    Raises:
        InputError: There is no image among the inputs, two of them would be written to one file, or the model is not
            one for super-resolution.
        KeyboardInterrupt: With a sentence on how far it got; what is written is whole.
    """
    check_choice("way with existing files", existing, EXISTING)
    scale = enlarging_scale_of(model)
    size = size or Size(scale=scale)
    targets = _targets(list(_expanded(inputs)), output, size, existing == "overwrite")
    summary, written = Summary(), set()

    def left(source: Path) -> bool:
        """Whether a result is there that stays, and the photograph is skipped."""
        target = targets[source]
        if _identity(target) in written:  # two names of one file, which not all systems tell from two files
            raise InputError(f"{target} has just been written for another photograph: give folders apart.")
        if not os.path.lexists(target) or existing == "overwrite":
            return False
        if existing == "refuse":
            raise InputError(f"{target} is already there: --overwrite replaces it, --skip-existing leaves it.")
        summary.skipped.append(source)
        return True

    def read(source: Path) -> Photo | None:
        target = targets[source]
        format_of(target)
        if left(source):
            return None
        photograph = read_photo(source, max_pixels)
        check_target(target, *size.of(*photograph.pixels.shape[1::-1]))
        return photograph.replace(exif=None, xmp=None) if strip else photograph

    def compute(_: Path, photograph: Photo) -> Photo:
        return enlarge(photograph, model, size, ensemble, memory, precision)

    def write(source: Path, larger: Photo) -> None:
        if left(source):  # another program's, since the photograph was read
            return
        for remark in write_photo(targets[source], larger, quality):
            summary.remarks.setdefault(remark, []).append(source)
        summary.done.append(targets[source])
        written.add(_identity(targets[source]))

    def attempt(step: Callable, source: Path, *arguments: Any) -> Any:
        """The step's result; None, and an entry among those that failed, if it does."""
        try:
            return step(source, *arguments)
        except InputError as error:
            summary.failed[source] = str(error)
        except OSError as error:
            summary.failed[source] = f"{targets[source]} could not be written: {error.strerror or error}"
        except (MemoryError, tf.errors.ResourceExhaustedError):
            summary.failed[source] = f"{source}: memory does not suffice for this image."
        except Exception as error:  # whatever is wrong with one photograph, it must not stop the others
            reason = (str(error).splitlines() or [""])[0]
            summary.failed[source] = f"{source} could not be upscaled ({type(error).__name__}: {reason})."
        return None

    try:
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer, _Bar(len(targets)) as bar:
            writing, before_bytes = None, 0
            for source, reading in _one_ahead(reader, lambda source: attempt(read, source), targets):
                photograph = reading.result()
                if writing and before_bytes > memory_used_and_limit(memory)[1] / 16:
                    writing.result()
                larger = photograph and attempt(compute, source, photograph)
                if writing:  # no more than one result waits in memory
                    writing.result()
                writing = writer.submit(attempt, write, source, larger) if larger else None
                before_bytes = larger.pixels.nbytes if larger else 0
                bar.advance(larger.pixels.shape[0] * larger.pixels.shape[1] if larger else 0)
                larger = None  # or it would be held while the next one is computed
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{summary}; the same command with --skip-existing goes on") from None
    return summary


def _one_ahead(executor: ThreadPoolExecutor, function: Callable, items: Iterable) -> Iterator[tuple[Any, Future]]:
    """Each item with its call, of which the next one is always under way."""
    before = None
    for item in items:
        call = item, executor.submit(function, item)
        if before:
            yield before
        before = call
    if before:
        yield before


class _Bar(tqdm):
    """Counts photographs; none is shown for a single one."""

    def __init__(self, count: int):
        super().__init__(total=count, desc="Upscaling", unit="photo", disable=count < 2)
        self.began, self.pixels = time.perf_counter(), 0

    def advance(self, pixels: int) -> None:
        self.pixels += pixels
        seconds = max(time.perf_counter() - self.began, 1e-3)
        self.set_postfix_str(f"{self.pixels / 1e6 / seconds:.2f} MP/s", refresh=False)
        self.update()


def _expanded(inputs: Iterable["str | os.PathLike"]) -> Iterator[Path]:
    """The inputs with the list on standard input and the matches of patterns, which not all shells expand."""
    for given in inputs:
        if str(given) == "-":
            text = sys.stdin.buffer.read()
            separator = b"\0" if b"\0" in text else b"\n"
            lines = (line.rstrip(b"\r") for line in text.split(separator))
            yield from (Path(os.fsdecode(line)) for line in lines if line)
        elif glob.has_magic(str(given)) and not os.path.lexists(given):
            root = Path(given).anchor
            try:  # unlike the glob module, pathlib does not follow links in circles
                matches = sorted(Path(root).glob(str(given)[len(root) :]))
            except (ValueError, NotImplementedError) as error:
                raise InputError(f"{given} is no pattern for files: {error}.") from None
            if not matches:
                raise InputError(f"There is no file that matches {given}.")
            yield from matches
        else:
            yield Path(given)


def _targets(inputs: list[Path], output: "str | os.PathLike | None", size: Size, overwrite: bool) -> dict[Path, Path]:
    """For each image where its result goes. Without `overwrite`, earlier results are no images to upscale."""
    pattern = str(output) if output is not None and "{stem}" in str(output) else None
    folder = Path(output) if output is not None and pattern is None else None
    is_file = folder is not None and len(inputs) == 1 and folder.suffix and not folder.is_dir()
    targets = {}
    for given in inputs:
        inside_folder = os.path.isdir(given)  # noqa: PTH112 - unlike pathlib's, it bears any name
        found = {}
        sources, own = _sources(given, folder) if inside_folder else ([given], [])
        for source in sources:
            inside = source.relative_to(given) if inside_folder else Path(source.name)
            if pattern:
                found[source] = _filled(pattern, source, inside.parent, size)
            elif folder is None:
                found[source] = _writable(source.with_name(f"{source.stem}_{size}{source.suffix}"))
            elif is_file and not inside_folder:
                found[source] = folder
            else:
                found[source] = _writable(folder / inside)
        results = {target for source, target in found.items() if target != source}
        if others := [path for path in own if path not in results]:
            warnings.warn(
                f"{len(others)} left out, which by their names are results of earlier calls: {others[0]}"
                f"{', …' if others[1:] else ''} (a pattern such as '*.png' takes all)",
                stacklevel=3,
            )
        targets |= {source: target for source, target in found.items() if not inside_folder or source not in results}
    if not targets:
        raise InputError(f"There is no image in {', '.join(map(str, inputs)) or 'the list'}.")
    identities = {path: _identity(path) for pair in targets.items() for path in pair}
    if not overwrite:  # a pattern, a shell's or a list's, finds them beside the photographs
        earlier = {identities[target] for source, target in targets.items() if identities[target] != identities[source]}
        earlier -= {None}
        targets = {source: target for source, target in targets.items() if identities[source] not in earlier}
    taken, originals = {}, {identities[source] for source in targets} - {None}
    for source, target in targets.items():
        place = os.path.normcase(Path(os.path.realpath(target.parent)) / target.name)
        if place in taken:
            raise InputError(f"{source} and {taken[place]} would both be written to {target}: give folders apart.")
        if identities[target] in originals:
            raise InputError(
                f"{source} would be written over {target}, which is itself to be upscaled: choose another -o."
            )
        taken[place] = source
    return targets


def _identity(path: Path) -> tuple[int, int] | None:
    """What a file has in common with itself under other names; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # the latter for names that no file can have
        return None
    return status.st_dev, status.st_ino


def _sources(folder: Path, output: Path | None) -> tuple[list[Path], list[Path]]:
    """The images of a folder, and apart from them those that by their names are results of earlier calls."""
    sources = list_images(folder)
    written = None if output is None else Path(os.path.realpath(output))
    if written and written != Path(os.path.realpath(folder)):
        sources = [source for source in sources if written not in Path(os.path.realpath(source)).parents]
    photographs = {(source.parent, source.stem) for source in sources}
    results = []
    for source in sources:
        name = _OWN_NAME.fullmatch(source.name)
        if name and (source.parent, name[1]) in photographs:
            results.append(source)
    return sorted(set(sources) - set(results)), results


def _filled(pattern: str, source: Path, inside: Path, size: Size) -> Path:
    parts = {"parent": source.parent, "dir": inside, "stem": source.stem, "ext": source.suffix[1:], "size": size}
    path = Path(re.sub(r"\{(parent|dir|stem|ext|size)\}", lambda match: str(parts[match[1]]), pattern))
    return _writable(path) if "{ext}" in pattern else path


def _writable(path: Path) -> Path:
    """The path with an extension that can hold the result: GIF and icons cannot, nor can an unknown format."""
    file_format = Image.registered_extensions().get(path.suffix.lower())
    holds = file_format in Image.SAVE and file_format not in NO_PHOTOGRAPHS
    return path if holds else path.with_name(f"{path.name}.png")
