"""A study on disk: its pictures, what each of them is, and the page that shows them."""

import base64
import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from srkit.errors import InputError
from srkit.files import write_atomically

ORIGINAL, WORST = "original", "nearest"
KEY_FILE, PAGE_DIR, ANSWERS_DIR = "key.json", "page", "answers"
REPEATED_SHARE = 0.1
NUM_TOLD = 2  # trials, at first, that have their answer beside them
SCORES = (1, 2, 3, 4, 5)
_SCRIPTS = ("state", "order", "saving", "showing", "cards", "main")  # the files of the page's script, in their order


@dataclass(frozen=True)
class Picture:
    """What a picture of a study is.

    Attributes:
        set: The name of its set of images.
        image: The name of the image.
        method: `"original"`, or the model that made it.
        num_bytes: Size of its file.
        scores: The values of the study's metrics. The original has none.
    """

    set: str
    image: str
    method: str
    num_bytes: int
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """What is shown to raters.

    Attributes:
        folder: Its folder.
        id: Tells it from other studies.
        pairwise: Whether two pictures stand side by side, instead of one to be rated.
        protocol: How LR was made and how the metrics were taken, in words.
        metrics: Names of the metrics that were taken.
        pictures: What each picture of the test is, by the name of its file without the ending.
        calibration: The same of the pictures for calibration: nearest and original.
    """

    folder: Path
    id: str
    pairwise: bool
    protocol: str
    metrics: tuple[str, ...]
    pictures: dict[str, Picture]
    calibration: dict[str, Picture]

    @property
    def methods(self) -> list[str]:
        """The methods, the original last."""
        methods = dict.fromkeys(picture.method for picture in self.pictures.values())
        return sorted(methods, key=lambda method: method == ORIGINAL)

    @property
    def sets(self) -> list[str]:
        """The names of the sets of images."""
        return list(dict.fromkeys(picture.set for picture in self.pictures.values()))

    @property
    def trials(self) -> list[tuple[str, ...]]:
        """The pictures of each trial of the test: one to rate, or two versions of one image to choose from."""
        return self._trials(self.pictures)

    @property
    def calibration_trials(self) -> list[tuple[tuple[str, ...], int]]:
        """The same for calibration, with the right answer. Two pictures are shown in the stated order."""
        if self.pairwise:
            orders = [order for pair in self._trials(self.calibration) for order in (pair, pair[::-1])]
            return [(order, 1 + [self.calibration[name].method for name in order].index(ORIGINAL)) for order in orders]
        best = {ORIGINAL: SCORES[-1], WORST: SCORES[0]}
        return [((name,), best[picture.method]) for name, picture in self.calibration.items()]

    @property
    def num_repeated(self) -> int:
        """How many trials each rater sees twice."""
        return -(-len(self.trials) // round(1 / REPEATED_SHARE))

    @property
    def choices(self) -> tuple[int, ...]:
        """The answers that a trial may have; of two pictures, 1 is the left one."""
        return (1, 2) if self.pairwise else SCORES

    @cached_property
    def known(self) -> set[tuple[str, ...]]:
        """The pictures of all trials, in every order in which a rater may see them."""
        seen = [*self.trials, *(names for names, _ in self.calibration_trials)]
        return {*seen, *(names[::-1] for names in seen)}

    def path(self, name: str) -> Path:
        """The file of a picture."""
        return self.folder / PAGE_DIR / "pictures" / f"{name}.png"

    def check_pictures(self) -> None:
        """Raises an InputError if a picture is missing or cut short."""
        for name, picture in {**self.calibration, **self.pictures}.items():
            path = self.path(name)
            if not path.is_file() or path.stat().st_size != picture.num_bytes:
                wrong = "is not the picture that was made" if path.is_file() else "is missing"
                raise InputError(f"{path} {wrong}: copy the folder of the study again, or make the study anew.")

    def write(self) -> None:
        """Writes the key and the page."""
        key = {name: value for name, value in asdict(self).items() if name != "folder"}
        text = json.dumps(key, indent=1, ensure_ascii=False).encode()
        write_atomically(self.folder / KEY_FILE, lambda file: file.write(text))
        page = page_of(self).encode()
        write_atomically(self.folder / PAGE_DIR / "index.html", lambda file: file.write(page))

    def _trials(self, pictures: dict[str, Picture]) -> list[tuple[str, ...]]:
        if not self.pairwise:
            return [(name,) for name in pictures]
        versions: dict[tuple[str, str], list[str]] = {}
        for name, picture in pictures.items():
            versions.setdefault((picture.set, picture.image), []).append(name)
        return [pair for names in versions.values() for pair in itertools.combinations(names, 2)]


def read_study(folder: "str | os.PathLike") -> Study:
    """Reads what `make_study` has written.

    Raises:
        InputError: There is no study in the folder, or its key is damaged.
    """
    folder = Path(folder)
    try:
        key = json.loads((folder / KEY_FILE).read_text(encoding="utf-8"))
        for part in ("pictures", "calibration"):
            key[part] = {name: Picture(**about) for name, about in key[part].items()}
        return Study(folder, **{**key, "metrics": tuple(key["metrics"])})
    except FileNotFoundError:
        raise InputError(
            f"There is no study in {folder}, since it has no {KEY_FILE}: `python -m srkit rate make` makes one."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{folder / KEY_FILE} is damaged: copy the folder of the study again.") from None


def page_of(study: Study, inline: bool = False, served: bool = False) -> str:
    """The page in HTML, with its style and its script.

    Args:
        study: The study.
        inline: Put the pictures into the page as well: then it needs no other file. For small studies.
        served: Whether `serve_study` shows the page, and takes the answers.
    """
    plan = {
        "study": study.id,
        "choices": study.choices,
        "test": _sorted(study.trials),
        "calibration": [{"pictures": names, "right": right} for names, right in study.calibration_trials],
        "numTold": NUM_TOLD,
        "numRepeated": study.num_repeated,
        "served": served,
    }
    if inline:
        study.check_pictures()
        names = [*study.calibration, *study.pictures]
        plan["inline"] = {name: base64.b64encode(study.path(name).read_bytes()).decode() for name in names}
    parts = {path.name: path.read_text(encoding="utf-8") for path in (Path(__file__).parent / "page").iterdir()}
    script = "\n".join(parts[f"{name}.js"] for name in _SCRIPTS)
    # The plan holds names of files and numbers alone: nothing in it can end the script.
    page = parts["index.html"].replace("/*STYLE*/", parts["style.css"]).replace("/*SCRIPT*/", script)
    return page.replace("/*PLAN*/", json.dumps(plan, separators=(",", ":")))


def _sorted(trials: Sequence[tuple[str, ...]]) -> list[list[str]]:
    """By the names of the files, which are random: so that the order does not tell the method."""
    return sorted(sorted(names) for names in trials)
