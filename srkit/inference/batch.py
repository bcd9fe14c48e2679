"""Upscaling of files and folders, one after the other, without losing any."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from srkit.errors import InputError
from srkit.image import Photo, check_target, format_of, read_photo, write_photo
from srkit.inference.memory import memory_used_and_limit
from srkit.inference.options import UpscaleOptions
from srkit.inference.photo import upscale_photo
from srkit.inference.progress import UpscalingBar
from srkit.inference.size import Size
from srkit.inference.styles import Styles
from srkit.inference.targets import find_targets, identity_of
from srkit.models import adapted, enlarging_scale_of
from srkit.models.presets import DEFAULT_SCALE

OnWritten = Callable[[Path, Photo, Photo], object]


@dataclass
class Summary:
    """What became of the files.

    Attributes:
        done: The files written.
        skipped: The photographs whose results were already there.
        failed: The photographs that failed, each with a sentence that says why.
        remarks: What was changed or left out on the way, a phrase each, with the photographs that it holds for.
        styles: The styles at work, each with the formats of the photographs that got it, and how many those were.
    """

    done: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)
    remarks: dict[str, list[Path]] = field(default_factory=dict)
    styles: dict[str, Counter[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{len(self.done)} upscaled, {len(self.skipped)} skipped, {len(self.failed)} failed"


def upscale_files(
    inputs: Iterable["str | os.PathLike"],
    output: "str | os.PathLike | None",
    model: "keras.Model | Styles | None" = None,
    options: UpscaleOptions | None = None,
    on_written: OnWritten | None = None,
) -> Summary:
    """Upscales image files, and all images below folders, with their depth, opacity, profile and metadata.

    The next photograph is read and the last one written while one is computed. A result that is so large that the
    memory would not suffice for both is written first.

    ```python
    summary = upscale_files(["photos"], "larger", options=UpscaleOptions(existing="skip"))
    print(summary)
    upscale_files(["photos"], "faithful", load_model("edsr-x4"))
    ```

    Args:
        inputs: Files, folders, patterns such as `**/*.jpg`, and `-` for a list on standard input, a path a line
            (or, as `find -print0` prints them, with zeros between).
        output: For one file, a file (a name with an image's extension) or a folder. For more a folder, in which the
            folders of the inputs are mirrored. Or a pattern with `{stem}`: `{parent}` is the photograph's folder,
            `{dir}` where it lies within the folder given, `{stem}` and `{ext}` its name's two parts, `{size}` is x4 or
            the like. Default: `{parent}/{stem}_{size}.{ext}`.
        model: A model from LR to SR, or styles, which have a model for each photograph. Default: the style `auto`.
        options: The size, how it is computed, and what is written. Default: the model's scale. Results that are already
            there are kept, and their photographs count as failed, unless `existing` says otherwise.
        on_written: Called after each result is written, in another thread: with the photograph's path, the photograph,
            and the larger one.

    Returns:
        What became of the files. One that fails does not stop the others.

    Raises:
        InputError: There is no image among the inputs, two of them would be written to one file, or the model cannot
            be loaded or is not one for super-resolution.
        KeyboardInterrupt: With a sentence on how far it got; what is written is whole.
    """
    options, model = options or UpscaleOptions(), model or Styles()
    size = size_of_results(model, options)
    targets = find_targets(inputs, output, size, options.existing == "overwrite")
    batch = Batch(targets, size, model, options, on_written)
    try:
        batch.run()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{batch.summary}; the same command with --skip-existing goes on") from None
    return batch.summary


def size_of_results(model: "keras.Model | Styles", options: UpscaleOptions) -> Size:
    """The size that the options ask for, or else the scale of the model or of the styles' models."""
    return options.size(DEFAULT_SCALE if isinstance(model, Styles) else enlarging_scale_of(adapted(model)))


class Batch:
    """Photographs on their way through reading, computing and writing, each of which works on another one."""

    def __init__(
        self,
        targets: dict[Path, Path],
        size: Size,
        model: "keras.Model | Styles",
        options: UpscaleOptions,
        on_written: OnWritten | None = None,
    ):
        self.summary = Summary()
        self._targets, self._size, self._model, self._options = targets, size, model, options
        self._on_written = on_written
        self._written = set()

    def run(self) -> None:
        """Upscales all photographs."""
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer, UpscalingBar(len(self._targets)) as bar:
            writing, before_bytes, self._progress = None, 0, bar.advance
            for source, reading in _one_ahead(reader, lambda source: self._attempt(self._read, source), self._targets):
                photo = reading.result()
                if writing and before_bytes > memory_used_and_limit(self._options.memory)[1] / 16:
                    writing.result()
                larger = photo and self._attempt(self._compute, source, photo, self._model_for(photo))
                if writing:  # no more than one result waits in memory
                    writing.result()
                writing = writer.submit(self._attempt, self._write, source, photo, larger) if larger else None
                before_bytes = larger.pixels.nbytes if larger else 0
                bar.finish_one(larger.pixels.shape[0] * larger.pixels.shape[1] if larger else 0)
                larger = None  # or it would be held while the next one is computed
            if writing:  # here, since Ctrl-C while an executor is left would end the process amid the writing
                writing.result()

    def _read(self, source: Path) -> Photo | None:
        target = self._targets[source]
        format_of(target)
        if self._is_left(source):
            return None
        photo = read_photo(source, self._options.max_pixels)
        check_target(target, *self._size.of(*photo.pixels.shape[1::-1]))
        return photo.stripped() if self._options.strip else photo

    def _model_for(self, photo: Photo) -> keras.Model:
        """The model, loaded outside of any attempt: if it cannot be, that is not the photograph's fault."""
        is_styles = isinstance(self._model, Styles)
        return self._model.model_for(photo, self._options.scale) if is_styles else self._model

    def _compute(self, _: Path, photo: Photo, model: keras.Model) -> Photo:
        return upscale_photo(photo, model, self._options, self._progress)

    def _write(self, source: Path, photo: Photo, larger: Photo) -> None:
        if self._is_left(source):  # another program's result, since the photograph was read
            return
        target = self._targets[source]
        try:
            remarks = write_photo(target, larger, self._options.quality, self._options.existing == "overwrite")
        except FileExistsError:  # since the line above
            if self._is_left(source):
                return
            raise
        for remark in remarks:
            self.summary.remarks.setdefault(remark, []).append(source)
        if isinstance(self._model, Styles):
            style = self._model.describe(larger, self._options.scale)
            self.summary.styles.setdefault(style, Counter())[larger.format] += 1
        self.summary.done.append(target)
        self._written.add(identity_of(target))
        if self._on_written:
            self._on_written(source, photo, larger)

    def _is_left(self, source: Path) -> bool:
        """Whether a result is there that stays, and the photograph is skipped."""
        target = self._targets[source]
        if identity_of(target) in self._written:  # two names of one file, which not all systems tell from two files
            raise InputError(f"{target} has just been written for another photograph: give folders apart.")
        if not os.path.lexists(target) or self._options.existing == "overwrite":
            return False
        if self._options.existing == "refuse":
            raise InputError(f"{target} is already there: --overwrite replaces it, --skip-existing leaves it.")
        self.summary.skipped.append(source)
        return True

    def _attempt(self, step: Callable, source: Path, *arguments: Any) -> Any:
        """The step's result; None, and an entry among those that failed, if it does."""
        failed = self.summary.failed
        try:
            return step(source, *arguments)
        except InputError as error:
            failed[source] = str(error)
        except OSError as error:
            failed[source] = f"{self._targets[source]} could not be written: {error.strerror or error}"
        except (MemoryError, tf.errors.ResourceExhaustedError):
            failed[source] = f"{source}: memory does not suffice for this image."
        except Exception as error:  # whatever is wrong with one photograph, it must not stop the others
            reason = (str(error).splitlines() or [""])[0]
            failed[source] = f"{source} could not be upscaled ({type(error).__name__}: {reason})."
        return None


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
