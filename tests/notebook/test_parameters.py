import json

from srkit import models, save_weights
from srkit.notebook import parameters as from_outside


def test_parameters_are_set_from_outside_in_silence(monkeypatch, capsys):
    monkeypatch.setenv("SRKIT_PARAMETERS", json.dumps({"STEPS": 3, "OTHER_NOTEBOOKS": 1}))
    parameters = {"STEPS": 100, "SEED": 0}
    from_outside.override(parameters)
    assert parameters == {"STEPS": 3, "SEED": 0}
    assert not capsys.readouterr().out  # stored outputs show what a reader would get


def test_full_run_is_one_switch_for_all_notebooks(monkeypatch):
    short = {"FULL": False, "PRE_STEPS": 3, "SEED": 0, "RUNS": "here"}
    for outside, inside in (({}, True), ({"FULL": True}, False)):
        monkeypatch.setenv("SRKIT_PARAMETERS", json.dumps({**outside, "RUNS": "there"}))
        parameters = {**short, "FULL": inside}
        from_outside.override(parameters)
        assert parameters == {"FULL": True, "PRE_STEPS": 20_000, "SEED": 0, "RUNS": "there"}
    monkeypatch.setenv("SRKIT_PARAMETERS", "{}")
    from_outside.override(short)
    assert short["PRE_STEPS"] == 3


def test_notebooks_run_on_their_own_weights_or_on_presets(tmp_path, monkeypatch, capsys):
    save_weights(models.edsr(2, filters=4, num_blocks=1), tmp_path / "best.weights.h5")
    assert from_outside.load_trained(tmp_path / "best.weights.h5", "unused").name == "edsr"
    monkeypatch.setattr(models, "load_model", lambda name: name)
    assert from_outside.load_trained(tmp_path / "none.weights.h5", "srgan-x4") == "srgan-x4"
    assert "the preset srgan-x4 takes its place" in capsys.readouterr().out
