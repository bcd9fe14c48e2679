"""Shows a study's page on this machine, and takes the answers."""

import json
import os
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from srkit.errors import InputError
from srkit.evaluation.opinion.answers import append_answer, identity, problem_with, read_answers
from srkit.evaluation.opinion.study import ANSWERS_DIR, Study, page_of, read_study
from srkit.files import locked

HOST = "127.0.0.1"
_MAX_BODY = 100_000  # bytes


def serve_study(folder: "str | os.PathLike", port: int = 8737) -> None:
    """Shows the page at `http://127.0.0.1:PORT`, to this machine alone, until Ctrl-C.

    Args:
        folder: The study's folder.
        port: Where the server listens; 0 takes any that is free.

    Raises:
        InputError: There is no study, a picture is missing, two raters have answered under one name, the study is
            served already, or the port is taken.
    """
    study = read_study(folder)
    study.check_pictures()
    (study.folder / ANSWERS_DIR).mkdir(exist_ok=True)
    try:
        with locked(study.folder / ANSWERS_DIR / ".lock", wait=False), StudyServer(study, port) as server:
            print(f"Open {server.address} in a browser. Ctrl-C ends; every answer is in {study.folder / ANSWERS_DIR}.")
            server.serve_forever()
    except TimeoutError:
        raise InputError(f"{folder} is served already: use that page, or end the other process.") from None


class StudyServer(ThreadingHTTPServer):
    """The server of one study.

    Args:
        study: The study.
        port: Where it listens; 0 takes any that is free.
    """

    daemon_threads = True

    def __init__(self, study: Study, port: int = 0):
        answers = read_answers(study)
        self.study = study
        self.page = page_of(study, served=True).encode()
        self.raters = {identity(name): _Rater(records) for name, records in answers.raters.items()}
        self.lock = threading.Lock()
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise InputError(f"Port {port} cannot be used ({error}): give another one (--port).") from None

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{HOST}:{self.server_port}/"

    def answers_of(self, rater: str) -> list[dict]:
        """All answers under a name so far."""
        with self.lock:
            known = self.raters.get(identity(rater))
            return list(known.records) if known else []

    def save(self, record: dict) -> tuple[HTTPStatus, dict]:
        """Saves an answer, unless it is saved already or belongs to another person of the same name."""
        if problem := problem_with(record, self.study):
            return HTTPStatus.BAD_REQUEST, {"error": f"This answer {problem}."}
        with self.lock:
            rater = self.raters.setdefault(identity(record["rater"]), _Rater([]))
            if rater.records and rater.records[0]["session"] != record["session"]:
                return HTTPStatus.CONFLICT, {"error": f"Somebody else has answered under the name {record['rater']}."}
            saved = {(each["window"], each["number"]) for each in rater.records}
            if (record["window"], record["number"]) not in saved:
                append_answer(self.study, record)
                rater.add(record)
            return HTTPStatus.OK, {"saved": len(rater.records), "elsewhere": record["window"] != rater.windows[-1]}


class _Rater:
    """The answers under a name, and the windows that gave them: where there are several, the newest goes on."""

    def __init__(self, records: list[dict]):
        self.records: list[dict] = []
        self.windows: list[str] = []
        for record in records:
            self.add(record)

    def add(self, record: dict) -> None:
        self.records.append(record)
        if record["window"] not in self.windows:
            self.windows.append(record["window"])


class _Handler(BaseHTTPRequestHandler):
    """Answers requests: the page, its pictures, and the answers of one rater."""

    server: StudyServer
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        study = self.server.study
        name = url.path.removeprefix("/pictures/").removesuffix(".png")
        if not self._is_from_here():
            self._tell(HTTPStatus.FORBIDDEN, {"error": "Only the study's own page may ask."})
        elif url.path == "/":
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)
        elif url.path == "/answers":
            rater = parse_qs(url.query).get("rater", [""])[0]
            self._tell(HTTPStatus.OK, {"records": self.server.answers_of(rater)})
        elif name in study.pictures or name in study.calibration:
            try:
                self._send(HTTPStatus.OK, "image/png", study.path(name).read_bytes(), "max-age=86400")
            except OSError:
                self._tell(HTTPStatus.NOT_FOUND, {"error": f"{study.path(name)} is missing."})
        else:
            self._tell(HTTPStatus.NOT_FOUND, {"error": "There is nothing here."})

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        size = int(length) if length.isdecimal() else 0
        body = self.rfile.read(size) if size <= _MAX_BODY else b""
        self.close_connection = size > _MAX_BODY
        # A form on another web site cannot send this type without asking first.
        if not self._is_from_here() or self.headers.get("Content-Type") != "application/json":
            self._tell(HTTPStatus.FORBIDDEN, {"error": "Only the study's own page may answer."})
            return
        try:
            self._tell(*self.server.save(json.loads(body)))
        except ValueError:
            self._tell(HTTPStatus.BAD_REQUEST, {"error": "This is no answer."})
        except OSError as error:
            self._tell(HTTPStatus.INSUFFICIENT_STORAGE, {"error": f"The answer cannot be written: {error.strerror}."})

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the terminal has the page's address alone."""

    def _is_from_here(self) -> bool:
        """Whether the browser asked for this machine by its own name, and not by one that a web site lent it."""
        return (self.headers.get("Host") or "").rpartition(":")[0] in (HOST, "localhost")

    def _tell(self, status: HTTPStatus, answer: dict) -> None:
        self._send(status, "application/json", json.dumps(answer).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes, cache: str = "no-store") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", cache)
        self.end_headers()
        self.wfile.write(body)
