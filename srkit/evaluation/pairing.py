"""What of a user's folder is scored: the HR images, and the LR images that belong to them."""

import os
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srkit.data import match_lr
from srkit.errors import InputError
from srkit.files import is_hidden
from srkit.image import Degradation, crop_to_multiple, get_degradation, list_images, read_image, size_text

_HR, _LR = "HR|GT", "LR"
# What names say of a scale: "x4/baby.png", "image_SRF_4/img_001_SRF_4_HR.png".
_SCALE = re.compile(r"(?:^|/)X(\d)/|(?:^|[/_])SRF_(\d)(?=[/_.])", re.IGNORECASE)
_VERSION = re.compile(r"(?<=.)[ _.-]?x\d$", re.IGNORECASE)  # "photo_x4", "0001x4"


@dataclass(frozen=True)
class Pair:
    """An HR image and its LR.

    Attributes:
        name: The HR image's path inside its folder, with "/".
        hr: Its file.
        lr: The file of its LR; None to make it from HR.
    """

    name: str
    hr: Path
    lr: Path | None = None

    def read(self, scale: int, degradation: Degradation | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Reads HR, and reads LR or makes it.

        Args:
            scale: HR side / LR side. HR is cropped at its right and bottom to a multiple of it.
            degradation: How LR is made where it has no file. A random one draws with a seed that is made of the
                image's name. Default: the bicubic kernel.

        Returns:
            `(hr, lr)`, uint8 RGB.

        Raises:
            InputError: A file cannot be read, or LR has a wrong size.
        """
        hr = crop_to_multiple(read_image(self.hr), scale)
        if self.lr is None:
            degradation = degradation or get_degradation("bicubic", scale)
            return hr, degradation(hr, np.random.default_rng(zlib.crc32(self.name.encode())))
        lr = read_image(self.lr)
        if (lr.shape[0] * scale, lr.shape[1] * scale) != hr.shape[:2]:
            raise InputError(
                f"{self.lr} has {size_text(lr)}, but {self.name}, cropped to {size_text(hr)}, needs "
                f"{hr.shape[1] // scale}x{hr.shape[0] // scale} px at x{scale}: is it of another scale?"
            )
        return hr, lr


def find_pairs(data: "str | os.PathLike", scale: int, lr: "str | os.PathLike | None" = None) -> tuple[list[Pair], str]:
    """Finds the HR images of a folder, and their LR in another if there is one.

    HR are all images, also those in sub-folders. Where names or sub-folders say "HR" or "GT", only these are
    taken, and where they say "LR", these are not; where they name scales (`x4`, `SRF_4`), those of this scale are
    taken; `photo_x4` is left out beside `photo`. Hidden files and folders do not count.

    Args:
        data: The folder with HR.
        scale: HR side / LR side.
        lr: The folder with LR, under the names of HR, with `x4` or `_x4` (the scale) behind them, or with `LR` in
            place of a final `HR`; the extensions may differ.

    Returns:
        The pairs in the order of their names, and a line that says what was taken and what was left out.

    Raises:
        InputError: There is no image, or there are HR images without LR.
    """
    data = Path(data)
    apart = Path(lr).resolve() if lr is not None else None
    paths, left_out = _hr_images(data, scale, apart)
    if not paths:
        raise InputError(f"There is no image in {data}.")
    names = {path.relative_to(data).as_posix(): path for path in paths}
    if lr is None:
        pairs = [Pair(name, path) for name, path in names.items()]
    else:
        matches, unused = match_lr(names, Path(lr), scale)
        pairs = [Pair(name, path, matches[name]) for name, path in names.items()]
        used = {path.resolve() for path in matches.values()}
        left_out |= {path.resolve(): "LR without HR" for path in unused if path.resolve() not in left_out}
        left_out = {path: reason for path, reason in left_out.items() if path not in used}
    reasons = [f"{count} {reason}" for reason, count in Counter(left_out.values()).items()]
    taken = f"{len(pairs)} HR image{'s' if len(pairs) > 1 else ''} of {data}"
    return pairs, f"{taken}; left out: {', '.join(reasons)}" if reasons else taken


def _hr_images(data: Path, scale: int, apart: Path | None) -> tuple[list[Path], dict[Path, str]]:
    """The HR images, and for each file that was left out the reason."""
    left_out = {}

    def keep(kept: list[Path], reason: str) -> list[Path]:
        chosen = set(kept)
        left_out.update({path.resolve(): reason for path in paths if path not in chosen})
        return kept

    paths = [path for path in data.rglob("*.*") if path.is_file() and not is_hidden(path, data)]
    paths = keep(list_images(data), "files that are no images")
    if apart is not None and data.resolve() in apart.parents:
        paths = keep([path for path in paths if apart not in path.resolve().parents], "LR without HR")
    if marked := [path for path in paths if _says(_HR, path.relative_to(data))]:
        paths = keep(marked, "beside those named HR")
    elif unmarked := [path for path in paths if not _says(_LR, path.relative_to(data))]:
        paths = keep(unmarked, "named LR")
    scales = {path: _scale_named(path.relative_to(data)) for path in paths}
    if scale in scales.values():
        paths = keep([path for path in paths if scales[path] in (None, scale)], "of another scale")
    stems = {path.with_suffix("") for path in paths}
    originals = {path: path.with_name(_VERSION.sub("", path.stem)) for path in paths}
    versions = {path for path in paths if originals[path] != path.with_suffix("") and originals[path] in stems}
    return keep([path for path in paths if path not in versions], "enlarged versions of others"), left_out


def _says(words: str, path: Path) -> bool:
    """Whether a file ("baby_GT", "img_001_SRF_4_LR") or a folder ("GTmod12", "DIV2K_valid_LR_bicubic") says so."""
    folder = re.compile(rf"(^|[ _.-])({words})(mod\d+|bic\w*)?([ _.-]|$)", re.IGNORECASE)
    return bool(re.search(rf"[_-]({words})$", path.stem, re.IGNORECASE)) or any(map(folder.search, path.parts[:-1]))


def _scale_named(path: Path) -> int | None:
    found = _SCALE.search(path.as_posix())
    return int(found[1] or found[2]) if found else None
