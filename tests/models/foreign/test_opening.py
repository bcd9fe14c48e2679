"""What is said of a file, and what is refused before a network is built."""

import hashlib
import json

import numpy as np
import pytest
from foreign_networks import compact, edsr_of_basicsr
from pytorch_like import save

from srkit import InputError, cli, load_model, models


@pytest.fixture
def weights():
    return compact(2)[0]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


def same(model, other) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights(), strict=True))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.module.", "generator.", "model."])
def test_prefixes_of_wrappers_are_looked_through(prefix, weights, path):
    plain = load_model(save(weights, path))
    wrapped = {f"{prefix}{name}": value for name, value in weights.items()}
    assert same(load_model(save({"state_dict": wrapped}, path.with_name("EDSR_x4.pt"))), plain)


def test_other_networks_in_the_file_are_left_over_and_said(weights, path):
    gan = {f"generator.{name}": value for name, value in weights.items()}
    gan |= {f"discriminator.{number}.weight": np.ones((4, 3, 3, 3), "f4") for number in range(6)}
    with pytest.warns(UserWarning, match=r"discriminator\.0\.weight.* … \(6\)"):
        load_model(save(gan, path))


def test_tensors_that_are_missing_are_named(weights, path):
    for name in ("body.2.bias", "body.3.weight"):
        kept = {key: value for key, value in weights.items() if key != name}
        with pytest.raises(InputError, match=rf"looks like compact, but lacks {name}"):
            load_model(save(kept, path))


def test_shapes_are_compared_before_a_network_is_built(path):
    """A network of ten thousand filters would take gigabytes; its file need not."""
    weights, _ = edsr_of_basicsr(2)
    weights["conv_first.weight"] = np.zeros((10_000, 3, 3, 3), "f4")
    weights["conv_first.bias"] = np.zeros(10_000, "f4")
    with pytest.raises(InputError, match=r"shape \(8, 8, 3, 3\), where \(10000, 10000, 3, 3\)"):
        load_model(save(weights, path))


def test_networks_that_are_not_known_are_said(path):
    tensors = {f"layers.{number}.attention.weight": np.zeros((8, 8), "f4") for number in range(9)}
    with pytest.raises(InputError, match=r"9 tensors of no network .*layers.0.attention.weight, .* … \(9\)"):
        load_model(save(tensors, path))
    weights, _ = compact(7)
    with pytest.raises(InputError, match="no scale 7"):
        load_model(save(weights, path))
    with pytest.raises(InputError, match="says itself"):
        load_model(save(weights, path), model=models.edsr())


def test_what_the_file_does_not_say_is_said(path):
    with pytest.warns(UserWarning, match=r"weights.pth: residual scaling 1, which the file does not say"):
        load_model(save(edsr_of_basicsr(2)[0], path))
    with pytest.warns(UserWarning, match="ReLU"):
        load_model(save(compact(2, "relu")[0], path))


def test_models_start_from_such_files(weights, path):
    model = models.compact(2, filters=8, num_convs=2)
    assert models.start_from(model, save(weights, path)).new == []
    assert same(model, load_model(path))


@pytest.mark.parametrize("name", ["small.keras", "small.weights.h5"])
def test_convert_says_what_it_found_and_writes_it_with_a_card(name, weights, path, tmp_path, capsys):
    weights["strange.weight"] = np.zeros((2, 2), "f4")
    save({"params": weights, "params_ema": {key: 2 * value for key, value in weights.items()}}, path)
    output = tmp_path / name
    assert cli.main(["convert", str(path), "-o", str(output)]) == 0
    printed = capsys.readouterr().out
    for text in ("compact(scale=2, filters=8, num_convs=2", "2,", "'params_ema' (the average)", "strange.weight"):
        assert text in printed
    card = json.loads((tmp_path / "small.json").read_text(encoding="utf-8"))
    assert card["source"] == {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert card["average"] is True and "strange.weight" in card["remarks"][0]
    with pytest.warns(UserWarning, match="strange"):
        assert same(load_model(output), load_model(path))

    before = output.read_bytes()
    assert cli.main(["convert", str(path), "-o", str(output)]) == 1
    assert "already there" in capsys.readouterr().err
    assert output.read_bytes() == before
    assert cli.main(["convert", str(path), "-o", str(output), "--overwrite"]) == 0


def test_convert_refuses_in_one_sentence(path, tmp_path, capsys):
    path.write_bytes(b"PK\3\4")
    for arguments, message in (
        ([str(path), "-o", str(tmp_path / "a.keras")], "damaged"),
        ([str(path), "-o", str(tmp_path / "a.onnx")], ".keras or .weights.h5"),
        ([str(tmp_path / "none.pth"), "-o", str(tmp_path / "a.keras")], "no model"),
    ):
        assert cli.main(["convert", *arguments]) == 1
        error = capsys.readouterr().err
        assert message in error and error.startswith("srkit: ") and len(error.splitlines()) == 1
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
