import numpy as np
import pytest
from PIL import Image

from srkit import cli, load_model
from srkit.cli import train
from srkit.training import Trainer

TOY = ["--filters", "4", "--num-blocks", "1", "--batch-size", "2", "--patch-size", "32", "--num-valid", "1"]


def test_train_and_train_again(photos, tmp_path, cat, capsys, monkeypatch):
    for index in range(4):
        Image.fromarray(np.roll(cat, 40 * index, axis=1)).save(photos / f"large{index}.png")
    run = tmp_path / "run"
    common = ["--data", str(photos), "--run", str(run), *TOY]
    with pytest.warns(UserWarning, match="left out"):
        assert cli.main(["train", "pre", "--steps", "2", *common]) == 0
    with pytest.warns(UserWarning):
        assert cli.main(["train", "pre", "--steps", "3", *common]) == 0
    assert len((run / "history.jsonl").read_text().splitlines()) == 3
    pre = str(run / "best.weights.h5")
    gan = ["train", "gan", "--steps", "1", "--data", str(photos), *TOY[4:], "--generator", pre]
    gan += ["--loss", "mse=1", "adversarial=1e-3"]
    with pytest.warns(UserWarning):
        assert cli.main([*gan, "--run", str(tmp_path / "gan"), "--discriminator-filters", "4"]) == 0
    discriminator = tmp_path / "gan" / "discriminator.weights.h5"
    assert load_model(discriminator).config["filters"] == 4

    # What comes next begins with the weights that were named; it is not trained.
    trainers = []
    monkeypatch.setattr(Trainer, "train", lambda trainer, *_, **__: trainers.append(trainer))
    x2 = ["train", "pre", "--steps", "1", "--scale", "2", "--run", str(tmp_path / "x2"), "--data", str(photos), *TOY]
    with pytest.warns(UserWarning):
        assert cli.main([*x2, "--start-from", pre]) == 0
    assert "new: upsample1_conv, upsample1_prelu" in capsys.readouterr().out
    with pytest.warns(UserWarning):
        assert cli.main([*gan, "--run", str(tmp_path / "further"), "--discriminator", str(discriminator)]) == 0
    for trained, path in ((trainers[1].generator, pre), (trainers[1].discriminator, discriminator)):
        for mine, theirs in zip(trained.get_weights(), load_model(path).get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert cli.main([*gan, "--run", str(tmp_path / "wrong"), "--discriminator", pre]) == 1
    assert "is no discriminator" in capsys.readouterr().err


def test_a_run_that_starts_from_a_model_has_its_architecture_unless_another_is_asked_for(weights, capsys):
    words = ["train", "pre", "--data", "samples", "--steps", "1", "--run", "new", "--start-from", weights]
    same = train._pre_model(cli._parser().parse_args(words))
    assert same.config == load_model(weights).config
    wider = train._pre_model(
        cli._parser().parse_args([*words, "--model", "edsr", "--num-blocks", "2", "--filters", "4"])
    )
    assert (wider.config["scale"], wider.config["num_blocks"]) == (4, 2)
    assert "new: block2_conv1, block2_conv2, upsample1_conv, upsample2_conv" in capsys.readouterr().out
    for more, scale, num_blocks in ((["--scale", "4"], 4, 1), (["--num-blocks", "2"], 2, 2)):
        model = train._pre_model(cli._parser().parse_args([*words, *more]))
        assert model.config == {**same.config, "scale": scale, "num_blocks": num_blocks}
