"""A study's report: whose answers count, and what they say."""

import os

import numpy as np

from srkit.errors import InputError
from srkit.evaluation.opinion.answers import CALIBRATION, counted, read_answers
from srkit.evaluation.opinion.pairwise import report_pairs
from srkit.evaluation.opinion.ratings import report_ratings
from srkit.evaluation.opinion.study import NUM_TOLD, Study, read_study

MIN_RIGHT = 0.75  # share of the calibration's answers
CALIBRATION_RULE = (
    "calibration fails where fewer than three quarters of its answers, but for the two with the score beside them, are "
    "right: nearest 1 or 2, the original 4 or 5; of two, the original"
)


def report_study(folder: "str | os.PathLike") -> dict:
    """Mean opinion scores, whether they differ, and how far the raters are to be trusted.

    Args:
        folder: The study's folder.

    Returns:
        A dict that can be written as JSON. `"raters"` and `"notes"` say what was counted. The rest is told by
        `report_ratings` in `ratings.py`, and of pairwise studies by `report_pairs` in `pairwise.py`.

    Raises:
        InputError: There is no study, no answer that counts, or two raters have answered under one name.

    ```python
    from srkit.evaluation.opinion import append_answer, make_study
    study = make_study("Set5", 4, ["nearest", "bicubic"], "study")
    append_answer(study, {
        **{"study": study.id, "rater": "I", "session": "1", "window": "1", "number": 0, "trial": 12, "part": "test"},
        **{"pictures": [next(iter(study.pictures))], "answer": 2, "seconds": 1.5, "at": "2026-01-01T12:00:00.000Z"},
    })
    print(report_study("study")["methods"][0]["mos"])
    ```
    """
    study = read_study(folder)
    answers = read_answers(study)
    raters = {name: counted(records) for name, records in answers.raters.items()}
    kept = {name: records for name, records in raters.items() if _is_calibrated(records, study)}
    given = {name: [record for record in records if record["part"] != CALIBRATION] for name, records in kept.items()}
    given = {name: records for name, records in given.items() if records}
    about = [_about_rater(name, records, study, name in kept) for name, records in raters.items()]
    notes = [*answers.notes, *_notes_on(about)]
    if not given:
        raise InputError("; ".join([f"{folder} has no answer that counts yet", *notes]) + ".")
    result = {
        "study": study.id,
        "kind": "pairs" if study.pairwise else "ratings",
        "simulated": any(record.get("simulated") for records in given.values() for record in records),
        "protocol": study.protocol,
        "metrics": list(study.metrics),
        "raters": about,
    }
    parts = report_pairs(study, given) if study.pairwise else report_ratings(study, given)
    return {**result, **parts, "notes": notes}


def _is_calibrated(records: list[dict], study: Study) -> bool:
    """Whether enough of the answers are right. Those of trials that show the answer do not count."""
    right = dict(study.calibration_trials)
    checked = [record for record in records if record["part"] == CALIBRATION and record["trial"] >= NUM_TOLD]
    hits = [abs(record["answer"] - right[tuple(record["pictures"])]) <= (not study.pairwise) for record in checked]
    return not hits or np.mean(hits) >= MIN_RIGHT


def _about_rater(name: str, records: list[dict], study: Study, is_calibrated: bool) -> dict:
    asked = len(study.trials) + study.num_repeated
    done = [record for record in records if record["part"] != CALIBRATION]
    return {
        "rater": name,
        "counts": is_calibrated,
        "answers": len(done),
        "of": asked,
        "minutes": sum(record["seconds"] for record in records) / 60,
    }


def _notes_on(raters: list[dict]) -> list[str]:
    failed = [about["rater"] for about in raters if not about["counts"]]
    unfinished = [
        f"{about['rater']} ({about['answers']} of {about['of']})"
        for about in raters
        if about["counts"] and about["answers"] < about["of"]
    ]
    notes = [f"set apart, since calibration failed: {', '.join(failed)}; {CALIBRATION_RULE}"] if failed else []
    return notes + ([f"not finished, and counted as far as they are: {', '.join(unfinished)}"] if unfinished else [])
