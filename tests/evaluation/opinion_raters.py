"""Simulated raters, and studies without pictures for them. No person stands behind these answers."""

import json
from pathlib import Path

import numpy as np

from srkit.evaluation.opinion import Study
from srkit.evaluation.opinion.answers import answers_path
from srkit.evaluation.opinion.study import Picture


def paper_study(
    folder: Path, num_images: int, methods: tuple[str, ...], num_sets: int = 1, pairwise: bool = False
) -> Study:
    """A study of which only the key is on disk. The metric is the higher, the later a method stands."""
    pictures = {
        f"{name}-{image}-{method}": Picture(f"set{name}", str(image), method, 0, {"psnr": 20.0 + place + image / 100})
        for name in range(num_sets)
        for image in range(num_images)
        for place, method in enumerate(methods)
    }
    calibration = {
        f"cal-{image}-{method}": Picture("", str(image), method, 0)
        for image in "ab"
        for method in ("nearest", "original")
    }
    study = Study(folder, "a study", pairwise, "a protocol", ("psnr",), pictures, calibration)
    study.write()
    return study


def record(
    study: Study, rater: str, number: int, pictures: tuple[str, ...], answer: int, part: str = "test", **changes
) -> dict:
    """An answer as the page sends it."""
    return {
        **{"study": study.id, "rater": rater, "session": f"session of {rater}", "window": "w", "number": number},
        **{"trial": number, "part": part, "pictures": list(pictures), "answer": answer, "seconds": 2.0},
        **{"at": f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.000Z", **changes},
    }


def calibrate(study: Study, rater: str, is_careful: bool = True) -> list[dict]:
    """The answers to calibration: all right, or all wrong."""
    trials = [*study.calibration_trials[:2], *study.calibration_trials]
    wrong = sum(study.choices[:: len(study.choices) - 1])
    return [
        record(study, rater, number, names, right if is_careful else wrong - right, part="calibration")
        for number, (names, right) in enumerate(trials)
    ]


def rate(study: Study, quality: dict[str, float], num_raters: int, seed: int, noise: float = 0.7) -> None:
    """Raters with leanings of their own give each picture its method's quality, with noise, from 1 to 5."""
    rng = np.random.default_rng(seed)
    of_image = {picture.image: rng.normal(0, 0.4) for picture in study.pictures.values()}
    for index in range(num_raters):
        rater, leaning = f"simulated {index}", rng.normal(0, 0.3)
        answers = calibrate(study, rater)
        shown = [
            *(("test", names) for names in study.trials),
            *(("repeat", names) for names in study.trials[: study.num_repeated]),
        ]
        for part, names in shown:
            names = tuple(rng.permutation(names).tolist())  # left or right
            pictures = [study.pictures[name] for name in names]
            felt = [quality[each.method] + of_image[each.image] + leaning + rng.normal(0, noise) for each in pictures]
            answer = 1 + int(np.argmax(felt)) if study.pairwise else int(np.clip(round(felt[0]), 1, 5))
            answers.append(record(study, rater, len(answers), names, answer, part=part, simulated=True))
        path = answers_path(study, rater)
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{json.dumps(each)}\n" for each in answers), encoding="utf-8")
