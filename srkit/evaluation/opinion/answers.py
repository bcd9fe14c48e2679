"""Answers on disk: one line of JSON for each key that a rater pressed, never changed and never taken away."""

import json
import os
import unicodedata
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from srkit.errors import InputError
from srkit.evaluation.opinion.study import ANSWERS_DIR, Study

CALIBRATION, TEST, REPEAT = "calibration", "test", "repeat"
MAX_NAME = 60

# What an answer's line has, and of which type. "simulated" may be there as well.
_FIELDS = {
    "study": str,
    "rater": str,
    "session": str,  # drawn when a rater begins: tells two raters of one name apart
    "window": str,  # drawn when the page is opened
    "number": int,  # counts the answers of a window
    "trial": int,  # the place in the rater's order
    "part": str,
    "pictures": list,
    "answer": int,
    "seconds": (int, float),  # from the picture to the key, pauses left out
    "at": str,  # ISO 8601, UTC
}


@dataclass
class Answers:
    """What is in the files of a study's answers.

    Attributes:
        raters: For each rater's name all records, in the order in which they were given. Where there are several of
            one trial, the last counts.
        notes: What could not be read, in words.
    """

    raters: dict[str, list[dict]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def identity(rater: str) -> str:
    """A rater's name without what people do not see as a difference: capitals and extra spaces."""
    return " ".join(unicodedata.normalize("NFC", rater).casefold().split())


def answers_path(study: Study, rater: str) -> Path:
    """The file of a rater's answers. Names may hold anything; the checksum keeps their files apart."""
    name = identity(rater)
    readable = "".join(letter if letter.isalnum() else "-" for letter in name)[:40]
    return study.folder / ANSWERS_DIR / f"{readable}-{zlib.crc32(name.encode()):08x}.jsonl"


def problem_with(record: object, study: Study) -> str | None:
    """What is wrong with an answer, or None."""
    if not isinstance(record, dict):
        return "is no answer"
    for name, kind in _FIELDS.items():
        if not isinstance(record.get(name), kind) or isinstance(record[name], bool):
            return f"has no {name} that can be read"
    if record["study"] != study.id:
        return "belongs to another study"
    if not identity(record["rater"]) or len(record["rater"]) > MAX_NAME:
        return f"has no rater's name of 1 to {MAX_NAME} letters"
    shown = tuple(map(str, record["pictures"]))
    if record["part"] not in (CALIBRATION, TEST, REPEAT) or shown not in study.known:
        return "names pictures that are not in the study"
    if (shown[0] in study.calibration) != (record["part"] == CALIBRATION) or record["answer"] not in study.choices:
        return "has an answer that cannot be given"
    return None


def append_answer(study: Study, record: dict) -> None:
    """Adds an answer to its rater's file, and returns when it is on the disk.

    Args:
        study: The study.
        record: The answer, with the fields that the page sends.

    Raises:
        InputError: A field is missing or wrong.
        OSError: The disk is full, for example; what the file held before is still there.
    """
    if problem := problem_with(record, study):
        raise InputError(f"An answer {problem}; it was not saved.")
    path = answers_path(study, record["rater"])
    path.parent.mkdir(exist_ok=True)
    with open(path, "a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            cut_short = file.read(1) != b"\n"  # a line that was interrupted must not take the next one with it
        else:
            cut_short = False
        file.write(b"\n" * cut_short + json.dumps(record, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_answers(study: Study) -> Answers:
    """Reads all answers of a study: every `.jsonl` file in its folder `answers`, whatever its name.

    A file that a rater has sent twice counts once. Lines that cannot be read are left out, and told.

    Args:
        study: The study.

    Returns:
        The answers of each rater, and notes.

    Raises:
        InputError: Two raters have answered under one name.
    """
    found: dict[str, dict[tuple, tuple[Path, dict]]] = {}
    result = Answers()
    for path in sorted((study.folder / ANSWERS_DIR).glob("*.jsonl")):
        records = _read_file(path, study, result.notes)
        for record in records:
            key = record["session"], record["window"], record["number"]
            found.setdefault(identity(record["rater"]), {})[key] = path, record
    for answers in found.values():
        _check_one_rater(answers)
        records = sorted((record for _, record in answers.values()), key=lambda each: (each["at"], each["number"]))
        result.raters[records[0]["rater"]] = records
    return result


def counted(records: list[dict]) -> list[dict]:
    """Of the records of one rater the last of each trial, in the order of the trials."""
    last = {record["trial"]: record for record in records}
    return [last[trial] for trial in sorted(last)]


def _read_file(path: Path, study: Study, notes: list[str]) -> list[dict]:
    """The answers in a file. What cannot be read is added to the notes."""
    records, problems = [], []
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            if not line.strip():
                continue
            record = json.loads(line)
            problem = problem_with(record, study)
        except ValueError:
            problem = "is cut short" if number == len(lines) else "is damaged"
        if problem:
            problems.append(f"line {number} {problem}")
        else:
            records.append(record)
    if problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        notes.append(f"{path.name}: {len(records)} answers were read; {problems[0]}{more}, and left out")
    return records


def _check_one_rater(answers: dict[tuple, tuple[Path, dict]]) -> None:
    sessions: dict[str, list[tuple[Path, dict]]] = {}
    for path, record in answers.values():
        sessions.setdefault(record["session"], []).append((path, record))
    if len(sessions) > 1:
        places = " and ".join(
            f"{len(given)} answers of session {session} in {given[0][0].name}" for session, given in sessions.items()
        )
        name = next(iter(answers.values()))[1]["rater"]
        raise InputError(
            f"Two raters have answered under the name {name}: {places}. Give one of them another name in the lines of "
            "the file, or take that file out."
        )
