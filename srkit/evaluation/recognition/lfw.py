"""Labeled Faces in the Wild (Huang et al. 2007): photographs of the official layout, and the pairs of `pairs.txt`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from srkit.data import data_dir
from srkit.data.download import download_archive
from srkit.errors import InputError
from srkit.image import read_image, size_text
from srkit.progress import bar_stream

LFW_SIDE_PX = 250
FACE_BOX = (64, 48, 186, 202)  # left, top, right and bottom of the face in LFW's photographs of 250x250 px

_PAIRS_URL = "https://ndownloader.figshare.com/files/5976006"  # beside the photographs' address in TensorFlow Datasets
_PAIRS_BYTES = 155_335
_PAIRS_SHA256 = "ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592"


@dataclass(frozen=True)
class FacePairs:
    """Pairs of faces, in folds: the same person, or two.

    Attributes:
        faces: uint8 array of shape (faces, height, width, 3), RGB.
        names: For each face the name of its file.
        first: For each pair the index of one of its faces.
        second: For each pair the index of the other.
        same: For each pair whether both are of one person.
        fold: For each pair the number of its fold, from 0.
    """

    faces: np.ndarray
    names: Sequence[str]
    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    fold: np.ndarray

    def __len__(self) -> int:
        return len(self.same)

    def subset(self, per_fold: int) -> "FacePairs":
        """Fewer pairs: of each fold, evenly spread, `per_fold` of the same person and as many of two."""
        chosen = []
        for fold in np.unique(self.fold):
            for same in (True, False):
                (rows,) = np.nonzero((self.fold == fold) & (self.same == same))
                count = min(per_fold, len(rows))
                chosen.extend(rows[np.arange(count) * len(rows) // count])
        used, indices = np.unique([self.first[chosen], self.second[chosen]], return_inverse=True)
        first, second = indices.reshape(2, -1)
        return replace(
            self,
            faces=self.faces[used],
            names=[self.names[index] for index in used],
            first=first,
            second=second,
            same=self.same[chosen],
            fold=self.fold[chosen],
        )


def read_pairs(
    folder: "str | os.PathLike",
    pairs: "str | os.PathLike | None" = None,
    box: tuple[int, int, int, int] | None = None,
) -> FacePairs:
    """Reads the pairs of a `pairs.txt` from a folder of LFW's layout, `Name/Name_0001.jpg`.

    The first line of `pairs.txt` has the number of folds and of rows of each kind in a fold. Then each fold has rows
    `name number number`, of one person, and as many rows `name number name number`, of two.

    Args:
        folder: The folder with the people's folders, or the one around it.
        pairs: Path of the list. Default: `pairs.txt` in the folder or in the one around it.
        box: `(left, top, right, bottom)` of the face, in pixels. Default: `FACE_BOX` in photographs of 250x250 px, as
            LFW's are; all of others.

    Returns:
        The pairs. A photograph that is in several of them is read once.

    Raises:
        InputError: A file is missing or damaged, the list does not have that form, or the photographs differ in size.
    """
    folder = Path(folder)
    pairs = _find_list(folder) if pairs is None else Path(pairs)
    rows, same, fold = _parse(pairs)
    paths = sorted({path for row in rows for path in row})
    root = _root_of(folder, paths, pairs)
    index = {path: position for position, path in enumerate(paths)}
    first, second = (np.array([index[row[side]] for row in rows]) for side in (0, 1))
    return FacePairs(_read_faces(root, paths, box), [Path(path).name for path in paths], first, second, same, fold)


def find_lfw() -> Path:
    """The folder of LFW: `lfw` in the folder of data sets; downloaded through TensorFlow Datasets if it is not there.

    The download (173 MB) has the original photographs. In those of the sets `lfw-funneled` and `lfw-deepfunneled`,
    which can be put there instead, the faces are aligned.

    Raises:
        InputError: It is not there, and cannot be downloaded.
    """
    folder = data_dir() / "lfw"
    if not folder.is_dir():
        download_archive("lfw", folder, inside="lfw", more={"pairs.txt": (_PAIRS_URL, _PAIRS_BYTES, _PAIRS_SHA256)})
    return folder


def _find_list(folder: Path) -> Path:
    found = next((place / "pairs.txt" for place in (folder, folder.parent) if (place / "pairs.txt").is_file()), None)
    if found is None:
        raise InputError(f"There is no pairs.txt in {folder}: put LFW's list of pairs there, or name another list.")
    return found


def _parse(path: Path) -> tuple[list[tuple[str, str]], np.ndarray, np.ndarray]:
    """For each pair its two paths below LFW's folder, whether they are of one person, and its fold."""
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a list of pairs: {error}.") from None
    if not lines or len(lines[0]) != 2 or not all(word.isdigit() for word in lines[0]):
        raise InputError(f"{path}: the first line must be the number of folds and of pairs in each, as in '10 300'.")
    num_folds, per_kind = map(int, lines[0])
    if num_folds < 2:
        raise InputError(
            f"{path} has {num_folds} fold: the threshold is found on other folds, so it takes two or more."
        )
    if len(lines) - 1 != 2 * num_folds * per_kind:
        raise InputError(
            f"{path} has {len(lines) - 1} pairs, and its first line promises {num_folds} folds with {per_kind} of one "
            f"person and {per_kind} of two: {2 * num_folds * per_kind}. Is it cut off?"
        )
    same = np.tile(np.repeat([True, False], per_kind), num_folds)
    rows = [_parse_row(words, is_same, path) for words, is_same in zip(lines[1:], same)]
    return rows, same, np.repeat(np.arange(num_folds), 2 * per_kind)


def _parse_row(words: list[str], is_same: bool, path: Path) -> tuple[str, str]:
    numbers = words[1:] if is_same else words[1::2]
    if len(words) != (3 if is_same else 4) or not all(number.isdigit() for number in numbers):
        expected = "'name number number', of one person" if is_same else "'name number name number', of two"
        raise InputError(f"{path}: expected {expected}; received '{' '.join(words)}'.")
    names = (words[0], words[0] if is_same else words[2])
    return tuple(f"{name}/{name}_{int(number):04}.jpg" for name, number in zip(names, numbers))


def _root_of(folder: Path, paths: list[str], pairs: Path) -> Path:
    """The folder that holds the photographs: this one or one in it."""
    inside = sorted(path for path in folder.glob("lfw*") if path.is_dir())
    root = next((place for place in (folder, *inside) if any((place / path).is_file() for path in paths)), folder)
    missing = [path for path in paths if not (root / path).is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} of the {len(paths)} photographs that {pairs} names are not in {root}, {missing[0]} for "
            "one: put the whole set there, or list only pairs that are there."
        )
    return root


def _read_faces(root: Path, paths: list[str], box: tuple[int, int, int, int] | None) -> np.ndarray:
    faces, size = [], None
    for path in tqdm(paths, desc="Reading faces", unit="face", leave=False, file=bar_stream()):
        photograph = read_image(root / path)
        size = size or photograph.shape
        if photograph.shape != size:
            raise InputError(
                f"{root / path} has {size_text(photograph)}, and those before it {size[1]}x{size[0]} px: faces must "
                "have one size, and lie at one place in it."
            )
        is_lfw = photograph.shape[:2] == (LFW_SIDE_PX, LFW_SIDE_PX)
        faces.append(_crop(photograph, box or (FACE_BOX if is_lfw else None), root / path))
    return np.stack(faces)


def _crop(photograph: np.ndarray, box: tuple[int, int, int, int] | None, path: Path) -> np.ndarray:
    if box is None:
        return photograph
    left, top, right, bottom = box
    if not (0 <= left < right <= photograph.shape[1] and 0 <= top < bottom <= photograph.shape[0]):
        raise InputError(f"The box {box} (left, top, right, bottom) is not inside {path}, {size_text(photograph)}.")
    return photograph[top:bottom, left:right]
