"""Folders in which photographs appear, as a scanner's or a telephone's: each is upscaled once it is whole."""

import os
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras

from srkit.errors import InputError
from srkit.image import list_images
from srkit.image.io import opened
from srkit.inference.batch import Batch, OnWritten, Summary, size_of_results
from srkit.inference.options import UpscaleOptions
from srkit.inference.styles import Styles
from srkit.inference.targets import Place, identity_of, images_and_results, size_in_name

_EVERY_SECONDS = 1.0
_STILL_SECONDS = 2.0  # a file that is not written to for so long, and is whole by its looks, is whole
_LONG_STILL_SECONDS = 30.0  # one that does not look whole is told as damaged after so long
_TAIL_BYTES = 512

_State = tuple[int, int]  # a file's size and time


def watch_folders(
    folders: Iterable["str | os.PathLike"],
    output: "str | os.PathLike | None" = None,
    model: "keras.Model | Styles | None" = None,
    options: UpscaleOptions | None = None,
    on_written: OnWritten | None = None,
) -> Iterator[Summary]:
    """Upscales the photographs in folders that have no result yet, and then each one that appears, without an end.

    The folders are listed every second, which works on network drives, too. A file is taken once its size and time
    have stayed as they are for two seconds, and it can be decoded; one that cannot counts as failed after 30 seconds,
    and is tried again when it changes. Results are never taken, and never replaced.

    Args:
        folders: The folders. Those inside them are watched as well.
        output: A folder or a pattern: see `srkit.inference.upscale_files`.
        model: A model from LR to SR, or styles. Default: the style `auto`.
        options: The size, how it is computed, and what is written; `existing` must be `"skip"`, the default here.
        on_written: See `srkit.inference.upscale_files`.

    Yields:
        What became of a photograph, one after the other.

    Raises:
        InputError: There is no such folder, the results would lie among the photographs under their names, or results
            are to be replaced.
    """
    options, model = options or UpscaleOptions(existing="skip"), model or Styles()
    if options.existing != "skip":
        raise InputError("Results that are already there stay where a folder is watched: existing must be 'skip'.")
    size = size_of_results(model, options)
    watched = _Watched([Path(folder) for folder in folders], Place(output, size, is_single=False), options.max_pixels)
    while True:
        began = time.monotonic()
        for source, target in watched.new():
            batch = Batch({source: target}, size, model, options, on_written)
            try:
                batch.run()
            except KeyboardInterrupt:
                if batch.summary.done:  # it came while the result was written
                    yield batch.summary
                raise
            watched.results |= {identity_of(path) for path in batch.summary.done}
            yield batch.summary
        # A folder that takes long to list, on a network, is left alone for as long.
        time.sleep(max(_EVERY_SECONDS, time.monotonic() - began))


class _Watched:
    """Folders, and what is known of the files in them.

    Attributes:
        results: The identities of the results that were written.
    """

    def __init__(self, folders: list[Path], place: Place, max_pixels: int):
        self.results = set()
        self._folders, self._place, self._max_pixels = folders, place, max_pixels
        self._taken, self._waiting, self._lost = {}, {}, set()
        for folder in folders:
            list_images(folder)  # raises an InputError if there is none
            if place.folder and os.path.realpath(place.folder) == os.path.realpath(folder):
                raise InputError(f"The results would lie among the photographs of {folder}: choose another -o.")

    def new(self) -> Iterator[tuple[Path, Path]]:
        """The files that are whole and were not given before, with the paths of their results."""
        found = {source: folder for folder in self._folders for source in self._listed(folder)}
        targets = {source: self._place.of(source, source.relative_to(folder)) for source, folder in found.items()}
        results, now = set(targets.values()), time.monotonic()
        self._waiting = {source: waiting for source, waiting in self._waiting.items() if source in found}
        for source, target in targets.items():
            state = _state(source)
            if state is None or self._taken.get(source) == state or source in results or self._is_result(source):
                continue
            before, since = self._waiting.setdefault(source, (state, now))
            if before != state:
                self._waiting[source] = state, now
            elif now - since >= _STILL_SECONDS and self._is_ready(source, target, now - since):
                self._taken[source] = state
                del self._waiting[source]
                yield source, target

    def _listed(self, folder: Path) -> list[Path]:
        """The photographs in a folder; none while it is out of reach."""
        try:
            sources, _ = images_and_results(folder, self._place.folder)
        except (InputError, OSError):
            if folder not in self._lost:
                warnings.warn(f"{folder} cannot be reached: waiting until it is there again", stacklevel=2)
            self._lost.add(folder)
            return []
        self._lost.discard(folder)
        return sources

    def _is_result(self, source: Path) -> bool:
        """Whether it is a result, or one of an earlier call by its name, even if its photograph is gone."""
        is_named_so = self._place.is_beside and size_in_name(source) == str(self._place.size)
        return is_named_so or identity_of(source) in self.results

    def _is_ready(self, source: Path, target: Path, still_seconds: float) -> bool:
        """Whether nothing more is to come; of what will be skipped, no more is asked."""
        return still_seconds >= _LONG_STILL_SECONDS or os.path.lexists(target) or self._is_whole(source)

    def _is_whole(self, source: Path) -> bool:
        """Whether a file can be decoded and does not end in zeros, as one does whose place was taken before it came."""
        try:
            with opened(source, self._max_pixels) as image:
                image.load()
            with open(source, "rb") as file:
                file.seek(-min(_TAIL_BYTES, source.stat().st_size), os.SEEK_END)
                return any(file.read())
        except (InputError, OSError, MemoryError):
            return False


def _state(path: Path) -> _State | None:
    """The size and time of a file; None if it has gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
