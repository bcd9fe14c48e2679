"""Studies on disk, and the server: driven as the page drives it."""

import errno
import json
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
from opinion_raters import paper_study, record

from srkit import InputError, cli
from srkit.evaluation.opinion import append_answer, make_study, page_of, read_answers, read_study, report_study, server
from srkit.evaluation.opinion.answers import answers_path
from srkit.evaluation.opinion.server import StudyServer
from srkit.files import locked
from srkit.image import read_image, write_image

METHODS = ["nearest", "bicubic"]


@pytest.fixture(scope="module")
def hr(cat, tmp_path_factory):
    """Two sets, and other images for calibration."""
    root = tmp_path_factory.mktemp("hr")
    for index, name in enumerate(("cats/a", "cats/b", "eyes/x4/c", "calibration/d", "calibration/e")):
        write_image(root / f"{name}.png", cat[40 * index : 40 * index + 60, 50 * index : 50 * index + 72])
    return root


@pytest.fixture(scope="module")
def made(hr, tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "study"
    data = [str(hr / "cats"), str(hr / "eyes" / "x4")]
    words = ["rate", "make", "--data", *data, "--model", *METHODS, "--calibration", str(hr / "calibration")]
    assert cli.main([*words, "--metrics", "psnr", "ssim", "--crop", "48", "-o", str(folder)]) == 0
    return read_study(folder)


def test_study_has_every_version_of_every_image_and_hides_what_it_is(made, hr):
    assert made.sets == ["cats", "eyes"] and made.methods == ["nearest", "bicubic", "original"]
    assert len(made.trials) == 9 and made.num_repeated == 1 and len(made.calibration) == 4
    shown = {(each.image, each.method): (read_image(made.path(name)), each) for name, each in made.pictures.items()}
    picture, about = shown["a.png", "original"]
    assert np.array_equal(picture, read_image(hr / "cats" / "a.png")[6:54, 12:60]) and about.scores == {}
    assert shown["a.png", "bicubic"][1].scores["psnr"] > shown["a.png", "nearest"][1].scores["psnr"]
    page = (made.folder / "page" / "index.html").read_text(encoding="utf-8")
    plan = page.partition('<script id="plan" type="application/json">')[2].partition("</script>")[0]
    assert json.loads(plan)["test"] == sorted([name] for name in made.pictures)
    assert not any(word in plan for word in ("nearest", "bicubic", "cats", "a.png")) and "://" not in page
    assert "data:image/png;base64,iVBOR" not in page and "iVBOR" in page_of(made, inline=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": "calibration"}, "is there already"),
        ({"output": "cats/study"}, "inside"),
        ({"crop": 8}, "too small: the metrics need"),
        ({"calibration": "cats"}, "none is left for calibration"),
        ({"data": ["cats", "cats"]}, "two sets cats"),
        ({"model": ["bicubic"], "pairwise": True}, "at least two models"),
    ],
)
def test_what_makes_no_study_is_told_and_leaves_nothing(options, message, hr, tmp_path):
    places = {"data": "cats", "output": str(tmp_path / "study"), "calibration": "calibration", **options}
    places["data"] = [hr / name for name in np.atleast_1d(places["data"])]
    models = places.pop("model", METHODS)
    places = {name: hr / each if isinstance(each, str) else each for name, each in places.items()}
    with pytest.raises(InputError, match=message):
        make_study(scale=4, model=models, metrics=["psnr"], **places)
    assert not list(tmp_path.iterdir())


def test_images_smaller_than_the_crop_are_shown_whole_and_told(hr, tmp_path):
    with pytest.warns(UserWarning, match=r"have a side of less than 64 px, which is shown whole: a.png, b.png"):
        options = {"calibration": hr / "calibration", "crop": 64, "metrics": ["psnr"], "pairwise": True}
        study = make_study(hr / "cats", 4, METHODS, tmp_path / "s", **options)
    assert {read_image(study.path(name)).shape for name in study.pictures} == {(60, 64, 3)}
    assert len(study.trials) == 2 and len(study.calibration_trials) == 4 and study.methods == METHODS


@pytest.fixture
def served(tmp_path):
    """A study, its server, and a function that asks it: `(status, answer)`."""
    study = paper_study(tmp_path, 2, ("nearest", "original"))
    for name, picture in {**study.pictures, **study.calibration}.items():
        assert picture.num_bytes == 0
        study.path(name).parent.mkdir(parents=True, exist_ok=True)
        study.path(name).touch()
    with StudyServer(study) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

        def ask(path, body=None, **headers):
            headers = {"Content-Type": "application/json", **headers}
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            request = urllib.request.Request(running.address + path, data, headers)
            try:
                with urllib.request.urlopen(request) as reply:
                    return reply.status, reply.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()

        yield study, running, ask
        running.shutdown()


def test_every_answer_is_on_the_disk_before_it_is_called_saved(served):
    study, _, ask = served
    (names,) = study.trials[:1]
    assert b"Which picture" in ask("")[1] and ask(f"pictures/{names[0]}.png") == (200, b"")
    assert ask("key.json")[0] == ask("../key.json")[0] == ask("pictures/../../key.json")[0] == 404
    answer = record(study, "Åsa Ö.", 0, names, 4)
    for _ in range(2):  # a page that got no reply sends it again
        assert json.loads(ask("answers", answer)[1]) == {"saved": 1, "elsewhere": False}
    lines = answers_path(study, "åsa  ö.").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [answer]
    assert json.loads(ask("answers?rater=%C3%85sa%20%C3%96.")[1])["records"] == [answer]
    assert read_answers(StudyServer(study).study).raters == {"Åsa Ö.": [answer]}


def test_a_page_opened_twice_keeps_all_answers_and_the_older_one_is_told(served):
    study, _, ask = served
    (names,) = study.trials[:1]
    sent = [record(study, "A", number, names, number, window=window) for number, window in enumerate("aabba", 1)]
    replies = [json.loads(ask("answers", each)[1])["elsewhere"] for each in sent]
    assert replies == [False, False, False, False, True]
    assert sorted(each["answer"] for each in read_answers(study).raters["A"]) == [1, 2, 3, 4, 5]


def test_a_second_person_of_one_name_is_told_at_once(served):
    study, _, ask = served
    (names,) = study.trials[:1]
    assert ask("answers", record(study, "Sam", 0, names, 4))[0] == 200
    status, reply = ask("answers", record(study, " sam", 0, names, 1, session="another"))
    assert status == 409 and b"Somebody else has answered under the name" in reply
    assert [each["answer"] for each in read_answers(study).raters["Sam"]] == [4]


def test_only_the_page_itself_may_answer(served):
    study, _, ask = served
    answer = record(study, "A", 0, study.trials[0], 4)
    assert ask("answers", answer, Host="example.com:80")[0] == 403
    assert ask("answers?rater=A", Host="example.com")[0] == 403
    assert ask("answers", answer, **{"Content-Type": "text/plain"})[0] == 403
    wrong = {"answer": 6}, {"pictures": ["x"]}, {"study": "y"}, {"rater": " "}, {"seconds": None}, {"part": "repeats"}
    for body in (b"{", [1], *({**answer, **each} for each in wrong)):
        assert ask("answers", body)[0] == 400
    assert not read_answers(study).raters


def test_an_answer_that_cannot_be_written_is_not_called_saved(served, monkeypatch):
    study, _, ask = served
    answer = record(study, "A", 0, study.trials[0], 4)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(server, "append_answer", full)
        assert ask("answers", answer) == (507, b'{"error": "The answer cannot be written: No space left on device."}')
    assert ask("answers", answer)[0] == 200 and read_answers(study).raters == {"A": [answer]}


def test_a_file_cut_short_loses_its_last_line_alone(tmp_path):
    study = paper_study(tmp_path, 3, ("nearest", "original"))
    answers = [record(study, "A", number, names, 3) for number, names in enumerate(study.trials)]
    for answer in answers[:4]:
        append_answer(study, answer)
    path = answers_path(study, "A")
    path.write_bytes(path.read_bytes()[:-30])
    with StudyServer(study) as running:
        assert running.answers_of("A") == answers[:3]
        assert running.save(answers[4])[1]["saved"] == 4
    found = read_answers(study)
    assert found.raters["A"] == [*answers[:3], answers[4]]
    assert found.notes == [f"{path.name}: 4 answers were read; line 4 is damaged, and left out"]
    assert found.notes[0] in report_study(tmp_path)["notes"]


def test_files_that_raters_send_are_read_once_and_two_raters_of_one_name_are_told(tmp_path):
    study = paper_study(tmp_path, 3, ("nearest", "original"))
    answers = [record(study, "Kim", number, names, 2) for number, names in enumerate(study.trials)]
    for name, part in (("answers-Kim.jsonl", answers[:4]), ("answers-Kim (1).jsonl", answers)):
        path = tmp_path / "answers" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(each) + "\n" for each in part), encoding="utf-8")
    assert report_study(tmp_path)["raters"][0]["answers"] == 6
    append_answer(study, record(study, "kim", 0, study.trials[0], 5, session="another"))
    with pytest.raises(InputError, match=r"Two raters have answered under the name \w+: .*Kim.*jsonl and 1 answers"):
        report_study(tmp_path)


def test_bad_studies_are_told_in_a_line(made, tmp_path, capsys):
    def told(*words):
        assert cli.main(["rate", *map(str, words)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert "There is no study in" in told("serve", tmp_path) and "There is no study in" in told("report", tmp_path)
    assert "has no answer that counts yet" in told("report", made.folder)
    with locked(made.folder / "answers" / ".lock"):
        assert "is served already" in told("serve", made.folder, "--port", 0)
    with StudyServer(made) as running:
        assert "cannot be used" in told("serve", made.folder, "--port", running.server_port)
    assert "cannot be used" in told("serve", made.folder, "--port", 99999)
    path = made.path(next(iter(made.pictures)))
    kept = path.read_bytes()
    path.write_bytes(kept[:-1])
    assert "is not the picture that was made" in told("serve", made.folder)
    path.unlink()
    assert f"{path} is missing: copy" in told("serve", made.folder)
    path.write_bytes(kept)
    (tmp_path / "key.json").write_text('{"id": 3}', encoding="utf-8")
    assert "key.json is damaged" in told("report", tmp_path)


def test_report_is_printed_and_written(made, tmp_path, capsys):
    for number, names in enumerate(made.trials):
        append_answer(made, record(made, "A", number, names, 1 + number % 5))
    files = [str(tmp_path / name) for name in ("report.json", "report.png", "report.zip")]
    assert cli.main(["rate", "report", str(made.folder), "--json", files[0], "--figure", files[1]]) == 0
    printed = capsys.readouterr().out
    assert "1 of 1 raters counted; answers: A 9 of 10" in printed and "PSNR dB" in printed
    with open(files[0], encoding="utf-8") as file:
        assert json.load(file)["methods"][0]["answers"] == 2
    assert read_image(files[1]).shape[0] > 100
    assert cli.main(["rate", "report", str(made.folder), "--figure", files[2]]) == 1
    assert "report.zip" in capsys.readouterr().err
