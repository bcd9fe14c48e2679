"""Makes a study: every method's picture of every image, under names that do not tell the method."""

import contextlib
import dataclasses
import itertools
import os
import re
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from srkit import data as photographs
from srkit.errors import InputError
from srkit.evaluation.benchmarking import Task, check_images, make_task, refuse_inside
from srkit.evaluation.metrics import DEFAULT_METRICS
from srkit.evaluation.opinion.study import ANSWERS_DIR, ORIGINAL, PAGE_DIR, WORST, Picture, Study
from srkit.evaluation.pairing import Pair, find_pairs
from srkit.evaluation.protocols import get_protocol
from srkit.evaluation.reconstructors import Model, Reconstructor, get_reconstructors, reconstruct
from srkit.files import replace
from srkit.image import Degradation, centre_crop, interpolate, write_image
from srkit.progress import bar_stream

NUM_CALIBRATION = 5  # images; each is shown as nearest and as original


def make_study(
    data: "str | os.PathLike | Sequence[str | os.PathLike]",
    scale: int,
    model: "Model | Sequence[Model]",
    output: "str | os.PathLike",
    pairwise: bool = False,
    calibration: "str | os.PathLike | None" = None,
    crop: int | None = None,
    degradation: "str | Degradation" = "bicubic",
    metrics: Sequence[str] = DEFAULT_METRICS,
) -> Study:
    """Makes the pictures, the key and the page of a study (Ledig et al. 2017, section 3.3).

    Args:
        data: One or several folders of HR images, each a set; see `srkit.evaluation.find_pairs` for what is taken.
        scale: HR side / LR side: 2, 3, 4 or 8.
        model: The methods, as for `srkit.benchmark`. The original is always among what is rated. Of two pictures the
            better is chosen among the methods alone, unless `"original"` is one of them.
        output: Folder of the study; it must be empty or not there. `output/page` has no names of methods in it, and is
            what raters without a server receive.
        pairwise: Show two versions of an image side by side, to choose the better, instead of one to be rated.
        calibration: Folder of HR images for calibration; the first five that are not in `data` are taken. Default:
            those of the photographs of `srkit.data.samples`.
        crop: Show the middle of each picture, with sides of at most so many px. Default: all of it.
        degradation: How LR is made, as for `srkit.benchmark`.
        metrics: Names in `srkit.evaluation.METRICS`. They are taken of what is shown.

    Returns:
        The study.

    Raises:
        InputError: A folder holds no image, a model cannot be used, the output is not empty, or no image is left for
            calibration.

    ```python
    study = make_study("Set5", 4, ["nearest", "bicubic"], "study")
    print(len(study.pictures), "pictures in", study.folder)
    ```
    """
    task = make_task(scale, None, degradation, get_protocol("edsr", scale), metrics)
    if crop is not None and crop < task.smallest_px:
        raise InputError(f"A crop of {crop} px is too small: the metrics need {task.smallest_px} px each way.")
    models = [model] if isinstance(model, Model) else list(model)
    sets = _sets([data] if isinstance(data, (str, os.PathLike)) else data, scale)
    output = Path(output)
    for folder, pairs in sets.values():
        refuse_inside(output, folder)
        check_images(pairs, task)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output} is there already: give a folder that is empty or not there.")
    methods = get_reconstructors([each for each in models if each != ORIGINAL], scale)
    if pairwise and len(methods) + (ORIGINAL in models) < 2:
        raise InputError("To choose the better of two pictures takes two methods: give at least two models.")
    with _made_whole(output) as folder:
        maker = _Maker(folder, task, crop)
        for name, (_, pairs) in sets.items():
            for pair in tqdm(pairs, desc=name, unit="image", leave=False, file=bar_stream()):
                maker.add(name, pair, methods, with_original=not pairwise or ORIGINAL in models)
        maker.add_calibration(calibration)
        maker.tell_smaller()
        protocol = f"{task.describe(None)}{f', the middle {crop}x{crop} px' if crop else ''}"
        study = Study(folder, secrets.token_hex(6), pairwise, protocol, tuple(metrics), maker.test, maker.calibration)
        study.write()
        (folder / ANSWERS_DIR).mkdir()
    return dataclasses.replace(study, folder=output)


class _Maker:
    """Writes pictures under random names, and keeps what each is."""

    def __init__(self, folder: Path, task: Task, crop: int | None):
        self._folder, self._task, self._crop = folder, task, crop
        self._seen: set[bytes] = set()
        self._smaller: set[str] = set()  # images
        self.test: dict[str, Picture] = {}
        self.calibration: dict[str, Picture] = {}

    def add(self, name: str, pair: Pair, methods: dict[str, Reconstructor], with_original: bool) -> None:
        """Adds an image of the test."""
        hr, lr = pair.read(self._task.scale, self._task.degradation)
        self._seen.add(hr.tobytes())
        for method, reconstructor in methods.items():
            sr = reconstruct(reconstructor, lr, self._task.scale, method)
            self._write(self.test, name, pair.name, method, sr, hr)
        if with_original:
            self._write(self.test, name, pair.name, ORIGINAL, hr)

    def add_calibration(self, folder: "str | os.PathLike | None") -> None:
        """Adds the first images that are not in the test, as nearest and as original."""
        fresh = (item for item in _calibration_images(folder, self._task.scale) if item[1].tobytes() not in self._seen)
        for name, hr, lr in itertools.islice(fresh, NUM_CALIBRATION):
            self._write(self.calibration, "", name, WORST, interpolate(lr, self._task.scale, WORST))
            self._write(self.calibration, "", name, ORIGINAL, hr)
        if not self.calibration:
            raise InputError(
                f"All images of {folder or 'the samples'} are in the test, and none is left for calibration: give a "
                "folder of others (--calibration DIR)."
            )

    def tell_smaller(self) -> None:
        """Warns of images that are smaller than the crop."""
        if self._smaller:
            names = ", ".join(sorted(self._smaller))
            warnings.warn(
                f"{len(self._smaller)} images have a side of less than {self._crop} px, which is shown whole: {names}.",
                stacklevel=3,
            )

    def _write(
        self,
        pictures: dict[str, Picture],
        name: str,
        image: str,
        method: str,
        shown: np.ndarray,
        hr: np.ndarray | None = None,
    ) -> None:
        if self._crop and min(shown.shape[:2]) < self._crop:
            self._smaller.add(image)
        shown, hr = (self._cut(each) for each in (shown, hr))
        scores = self._task.measure(hr, shown) if hr is not None else {}
        token = secrets.token_hex(6)
        path = self._folder / PAGE_DIR / "pictures" / f"{token}.png"
        write_image(path, shown)
        pictures[token] = Picture(name, image, method, path.stat().st_size, scores)

    def _cut(self, image: np.ndarray | None) -> np.ndarray | None:
        return image if image is None or self._crop is None else centre_crop(image, self._crop, self._crop)


def _sets(folders: "Sequence[str | os.PathLike]", scale: int) -> dict[str, tuple[Path, list[Pair]]]:
    """For each set's name its folder and its images."""
    sets = {}
    for folder in map(Path, folders):
        # "Set5", also of "benchmarks/Set5/x4"
        name = next((part for part in reversed(folder.resolve().parts) if not re.fullmatch(r"x\d|HR|GT", part)), "set")
        if name in sets:
            raise InputError(f"There are two sets {name}: give each once, or folders of different names.")
        sets[name] = folder, find_pairs(folder, scale)[0]
    return sets


def _calibration_images(folder: "str | os.PathLike | None", scale: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, HR and LR of the images of a folder, or of the samples."""
    if folder is not None:
        for pair in find_pairs(folder, scale)[0]:
            yield pair.name, *pair.read(scale)
        return
    train, valid = photographs.samples(scale=scale)
    for part in (valid, train):
        for name, (lr, hr) in zip(part.names, part.pairs()):
            yield name, hr, lr


@contextlib.contextmanager
def _made_whole(output: Path) -> Iterator[Path]:
    """Gives a folder beside `output`, which takes its place once the block has ended without an error."""
    output.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{output.name[:40]}-", dir=output.parent))
    try:
        yield folder
        folder.chmod(0o755)  # mkdtemp makes it for its owner alone
        with contextlib.suppress(FileNotFoundError):
            output.rmdir()
        replace(folder, output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
