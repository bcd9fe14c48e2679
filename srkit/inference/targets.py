"""Which files are upscaled, and where their results are written."""

import glob
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from srkit.errors import InputError
from srkit.image import list_images, with_writable_extension
from srkit.inference.size import Size

_PLACEHOLDERS = ("parent", "dir", "stem", "ext", "size")  # of a pattern for results
# The names that results get beside their photographs: as Size prints itself.
_OWN_NAME = re.compile(r"(.+)_(x\d+(\.\d+)?|\d+[wh]|\d+x\d+)(\.\w+)+")


def find_targets(
    inputs: Iterable["str | os.PathLike"], output: "str | os.PathLike | None", size: Size, overwrite: bool
) -> dict[Path, Path]:
    """For each image where its result goes.

    Args:
        inputs: See `srkit.inference.upscale_files`.
        output: See `srkit.inference.upscale_files`.
        size: The size, for the results' names.
        overwrite: Whether results are replaced. If not, earlier results are not among the images.

    Returns:
        From the images' paths to those of their results.

    Raises:
        InputError: There is no image, or two results would be written to one file.
    """
    inputs = list(_expanded(inputs))
    place = Place(output, size, is_single=len(inputs) == 1)
    targets = {}
    for given in inputs:
        if os.path.isdir(given):  # noqa: PTH112 - unlike pathlib's, it bears any name
            targets |= _in_folder(given, place)
        else:
            targets[given] = place.of(given)
    if not targets:
        raise InputError(f"There is no image in {', '.join(map(str, inputs)) or 'the list'}.")
    identities = {path: identity_of(path) for pair in targets.items() for path in pair}
    if not overwrite:  # a pattern, a shell's or a list's, finds them beside the photographs
        earlier = {identities[target] for source, target in targets.items() if identities[target] != identities[source]}
        earlier -= {None}
        targets = {source: target for source, target in targets.items() if identities[source] not in earlier}
    _refuse_collisions(targets, identities)
    return targets


def identity_of(path: Path) -> tuple[int, int] | None:
    """What a file has in common with itself under other names; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # the latter for names that no file can have
        return None
    return status.st_dev, status.st_ino


class Place:
    """Where results are written: beside the photographs, in a folder, as one file, or by a pattern.

    Attributes:
        size: The size, for the results' names.
        folder: The folder or file; None for results beside the photographs or by a pattern.
        is_beside: Whether they lie beside the photographs.
    """

    def __init__(self, output: "str | os.PathLike | None", size: Size, is_single: bool):
        self.size = size
        name = "" if output is None else Path(output).name
        for word in re.findall(r"\{(\w*)\}", name):  # a folder may have any name
            if word not in _PLACEHOLDERS:
                known = ", ".join(f"{{{known}}}" for known in _PLACEHOLDERS)
                raise InputError(f"{output}: there is no {{{word}}} for the results' names: use {known}.")
        self.pattern = str(output) if "{stem}" in str(output) else None
        self.folder = Path(output) if output is not None and self.pattern is None else None
        self.is_beside = output is None
        self._is_file = bool(is_single and self.folder and self.folder.suffix and not self.folder.is_dir())

    def of(self, source: Path, inside: Path | None = None) -> Path:
        """The path of a result. `inside` is the photograph's path below the folder that was given."""
        if self.pattern:
            return self._filled(source, inside.parent if inside else Path())
        if self.folder is None:
            return with_writable_extension(source.with_name(f"{source.stem}_{self.size}{source.suffix}"))
        if self._is_file and inside is None:
            return self.folder
        return with_writable_extension(self.folder / (inside or source.name))

    def _filled(self, source: Path, inside: Path) -> Path:
        parts = {"parent": source.parent, "dir": inside, "stem": source.stem, "ext": source.suffix[1:]}
        parts["size"] = self.size
        path = Path(re.sub(rf"\{{({'|'.join(_PLACEHOLDERS)})\}}", lambda match: str(parts[match[1]]), self.pattern))
        return with_writable_extension(path) if "{ext}" in self.pattern else path


def _in_folder(folder: Path, place: Place) -> dict[Path, Path]:
    """The targets of a folder's images, without those that are results of earlier calls; it warns of these."""
    sources, own = images_and_results(folder, place.folder)
    targets = {source: place.of(source, source.relative_to(folder)) for source in sources}
    results = {target for source, target in targets.items() if target != source}
    if others := [path for path in own if path not in results]:
        warnings.warn(
            f"{len(others)} left out, which by their names are results of earlier calls: {others[0]}"
            f"{', …' if others[1:] else ''} (a pattern such as '*.png' takes all)",
            stacklevel=4,
        )
    return {source: target for source, target in targets.items() if source not in results}


def images_and_results(folder: Path, output: Path | None) -> tuple[list[Path], list[Path]]:
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


def size_in_name(path: Path) -> str | None:
    """The size in a name such as results get beside their photographs; None if it is another name.

    >>> size_in_name(Path("cat_x4.jpg"))
    'x4'
    """
    name = _OWN_NAME.fullmatch(path.name)
    return name and name[2]


def _refuse_collisions(targets: dict[Path, Path], identities: dict[Path, tuple[int, int] | None]) -> None:
    """Raises an InputError where two results would be written to one file, or one over a photograph."""
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
