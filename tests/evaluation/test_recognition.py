import json
import math
import shutil
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy.stats import mannwhitneyu

from srkit import models
from srkit.errors import InputError
from srkit.evaluation import recognition
from srkit.evaluation.recognition.experiment import resize

PAIRS = """2\t2
Ann\t1\t2
Bob\t1\t2
Ann\t1\tBob\t1
Bob\t2\tCleo_D\t1
Cleo_D\t1\t2
Dan\t1\t2
Cleo_D\t2\tDan\t1
Ann\t2\tDan\t2
"""


@pytest.fixture
def lfw(cat, tmp_path):
    """A folder of LFW's layout, with four people of two photographs each: crops of a cat, one place a person."""
    for person, name in enumerate(("Ann", "Bob", "Cleo_D", "Dan")):
        for number in (1, 2):
            path = tmp_path / "lfw" / name / f"{name}_{number:04}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            top, left = 60 * person + number, 70 * person
            Image.fromarray(cat[top : top + 50, left : left + 40]).save(path, quality=95)
    (tmp_path / "pairs.txt").write_text(PAIRS)
    return tmp_path


@pytest.fixture
def pairs(lfw):
    return recognition.read_pairs(lfw)


def made_up(num_pairs: int, num_folds: int, faces=None) -> recognition.FacePairs:
    """Pairs that share no face, the first half of each fold of one person."""
    per_fold = num_pairs // num_folds
    return recognition.FacePairs(
        np.zeros((2 * num_pairs, 8, 8, 3), np.uint8) if faces is None else faces,
        [f"face {index}" for index in range(2 * num_pairs)],
        np.arange(num_pairs),
        np.arange(num_pairs, 2 * num_pairs),
        np.arange(num_pairs) % per_fold < per_fold // 2,
        np.arange(num_pairs) // per_fold,
    )


def test_pairs_are_read_as_lfw_lists_them(pairs, lfw):
    assert pairs.same.tolist() == [True, True, False, False] * 2
    assert pairs.fold.tolist() == [0] * 4 + [1] * 4
    named = [(pairs.names[first], pairs.names[second]) for first, second in zip(pairs.first, pairs.second)]
    assert named[0] == ("Ann_0001.jpg", "Ann_0002.jpg")
    assert named[3] == ("Bob_0002.jpg", "Cleo_D_0001.jpg")
    assert pairs.faces.shape == (8, 50, 40, 3)  # each photograph once
    assert np.array_equal(pairs.faces[0], np.asarray(Image.open(lfw / "lfw" / "Ann" / "Ann_0001.jpg")))
    assert np.array_equal(recognition.read_pairs(lfw / "lfw").faces, pairs.faces)


def test_of_photographs_of_lfws_size_the_face_is_cut_out(lfw):
    for path in lfw.rglob("*.jpg"):
        Image.linear_gradient("L").resize((250, 250)).convert("RGB").save(path)
    assert recognition.read_pairs(lfw).faces.shape == (8, 154, 122, 3)
    assert recognition.read_pairs(lfw, box=(0, 0, 250, 250)).faces.shape == (8, 250, 250, 3)
    with pytest.raises(InputError, match="not inside"):
        recognition.read_pairs(lfw, box=(0, 0, 260, 250))


def test_a_subset_has_as_many_of_each_kind_in_each_fold(pairs):
    fewer = pairs.subset(1)
    assert fewer.same.tolist() == [True, False, True, False] and fewer.fold.tolist() == [0, 0, 1, 1]
    for whole, part in zip((0, 2, 4, 6), range(4)):
        for side in ("first", "second"):
            assert fewer.names[getattr(fewer, side)[part]] == pairs.names[getattr(pairs, side)[whole]]
    assert len(pairs.subset(5)) == len(pairs)


@pytest.mark.parametrize(
    "text, expected",
    [
        (PAIRS.replace("Bob\t1\t2", "Bob\t1\t3"), r"1 of the 9 photographs .* Bob/Bob_0003\.jpg"),
        (PAIRS.replace("2\t2\n", "2\n", 1), "first line"),
        (PAIRS.replace("2\t2\n", "1\t4\n", 1), "1 fold"),
        (PAIRS[: PAIRS.rindex("Ann")], "7 pairs.*8. Is it cut off"),
        (PAIRS.replace("Dan\t1\t2", "Dan\t1"), r"expected 'name number number'.*received 'Dan 1'"),
        (PAIRS.replace("Dan\t1\n", "Dan\tone\n"), "expected 'name number name number'"),
        ("", "first line"),
        ("\xff", "first line"),
    ],
)
def test_bad_lists_are_told_in_one_sentence(lfw, text, expected):
    (lfw / "pairs.txt").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=expected):
        recognition.read_pairs(lfw)


def test_missing_lists_and_bad_photographs_are_told(lfw):
    with pytest.raises(InputError, match=r"no pairs\.txt"):
        recognition.read_pairs(lfw / "lfw" / "Ann")
    with pytest.raises(InputError, match="cannot be read"):
        recognition.read_pairs(lfw, lfw / "nowhere.txt")
    photograph = lfw / "lfw" / "Dan" / "Dan_0002.jpg"
    Image.new("RGB", (40, 51)).save(photograph)
    with pytest.raises(InputError, match=r"Dan_0002\.jpg has 40x51 px.*40x50 px"):
        recognition.read_pairs(lfw)
    photograph.write_bytes(photograph.read_bytes()[:100])
    with pytest.raises(InputError, match=r"Dan_0002\.jpg"):
        recognition.read_pairs(lfw)


def test_verification_is_lfws_protocol():
    pairs, generator = made_up(200, 10), np.random.default_rng(0)
    embeddings = generator.normal(size=(400, 8)) + 3
    embeddings[200:][pairs.same] = embeddings[:200][pairs.same] + generator.normal(size=(100, 8))
    result = recognition.verify(embeddings, pairs)

    for fold in range(10):  # written anew: every threshold there is, tried on nine folds
        tried = pairs.fold == fold
        rest = np.concatenate([embeddings[:200][~tried], embeddings[200:][~tried]])
        one, two = (embeddings[half] - rest.mean(axis=0) for half in (slice(200), slice(200, 400)))
        cosines = np.array([a @ b / math.sqrt(a @ a * (b @ b)) for a, b in zip(one, two)])
        best = max(np.mean((cosines[~tried] >= threshold) == pairs.same[~tried]) for threshold in cosines)
        used = result.thresholds[fold]
        assert np.mean((cosines[~tried] >= used) == pairs.same[~tried]) == best
        assert result.fold_accuracies[fold] == np.mean((cosines[tried] >= used) == pairs.same[tried])
        np.testing.assert_allclose(result.scores[tried], cosines[tried])
    assert result.accuracy == pytest.approx(result.correct.mean())
    area = mannwhitneyu(result.scores[pairs.same], result.scores[~pairs.same]).statistic / 100**2
    assert result.roc_area == pytest.approx(area)
    low, high = result.interval()
    assert low < result.accuracy < high


def test_a_fold_does_not_choose_its_own_threshold():
    pairs = made_up(8, 2)
    angles = np.radians([60, 60, 120, 120, 10, 10, 70, 70])  # between the vectors of each pair
    first = np.stack([np.ones(8), np.zeros(8)], axis=1)
    second = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    embeddings = np.concatenate([first, second, -first, -second])  # opposite ones, so that the mean is zero
    twice = recognition.FacePairs(
        np.zeros((32, 8, 8, 3), np.uint8),
        [""] * 32,
        np.concatenate([np.arange(8), np.arange(16, 24)]),
        np.concatenate([np.arange(8, 16), np.arange(24, 32)]),
        np.tile(pairs.same, 2),
        np.tile(pairs.fold, 2),
    )
    result = recognition.verify(embeddings, twice)
    # The second fold's threshold, between 10 and 70 degrees, refuses the first fold's pairs of one person.
    assert result.fold_accuracies.tolist() == [0.5, 0.5]


def test_embeddings_that_say_nothing_are_told():
    pairs = made_up(8, 2)
    good = np.random.default_rng(0).normal(size=(16, 4))
    for bad in (np.nan, np.inf, 0):
        embeddings = good.copy()
        embeddings[[3, 5]] = bad
        with pytest.raises(InputError, match="2 of 16 faces, face 3 for one"):
            recognition.verify(embeddings, pairs)
    with pytest.raises(InputError, match="one vector for each"):
        recognition.verify(good[:-1], pairs)
    recognition.verify(good, pairs)


@pytest.mark.parametrize("only_first, only_second", [(48, 64), (30, 58), (5, 1), (0, 0), (3, 3)])
def test_mcnemars_p_is_the_exact_binomial_one(only_first, only_second):
    count, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(count, k) for k in range(fewer + 1)) / 2**count
    test = recognition.McNemar(only_first, only_second, 800)
    assert test.p == pytest.approx(min(1, 2 * tail))
    assert test.difference == pytest.approx((only_first - only_second) / 800)


def test_the_pairs_needed_find_the_difference_four_times_in_five():
    difference, share = 0.02, 0.1
    count = recognition.McNemar(50, 50, 1000).pairs_needed(difference)
    chances = [(share + difference) / 2, (share - difference) / 2, 1 - share]
    first, second, _ = np.random.default_rng(0).multinomial(count, chances, size=20_000).T
    found = np.abs(first - second) > 1.96 * np.sqrt(first + second)
    assert found.mean() == pytest.approx(0.8, abs=0.02)
    assert recognition.McNemar(0, 0, 100).pairs_needed(0.01) is None


def test_methods_are_compared_on_the_same_pairs():
    pairs = made_up(8, 2)
    result = recognition.verify(np.random.default_rng(0).normal(size=(16, 4)), pairs)
    test = recognition.mcnemar(result, result)
    assert (test.only_first, test.only_second, test.p) == (0, 0, 1)
    other = recognition.verify(np.random.default_rng(0).normal(size=(32, 4)), made_up(16, 2))
    with pytest.raises(InputError, match="different pairs"):
        recognition.mcnemar(result, other)


def test_small_faces_are_enlarged_and_judged(pairs):
    received = []

    def embed(faces):
        received.append(faces)
        return faces.reshape(len(faces), -1)

    model = models.edsr(4, num_blocks=1, filters=4)
    both = models.mdsr(num_blocks=1, filters=4)
    results = recognition.verify_small_faces(pairs, embed, [10, 16], ["bicubic", model, both], face_px=32)
    assert list(results) == [
        ("full size", "bicubic"),
        *((size, name) for size in (10, 16) for name in ("bicubic", model.name, both.name)),
    ]
    assert all(faces.shape == (8, 32, 32, 3) and faces.dtype == np.uint8 for faces in received)
    face = Image.fromarray(pairs.faces[0])
    small = face.resize((10, 10), Image.Resampling.BICUBIC)
    assert np.array_equal(received[0][0], face.resize((32, 32), Image.Resampling.BICUBIC))
    assert np.array_equal(received[1][0], small.resize((32, 32), Image.Resampling.BICUBIC))
    assert not np.array_equal(received[1], received[2])
    assert results["full size", "bicubic"].roc_area == 1  # two crops of one place are alike


def test_embeddings_and_methods_that_do_not_fit_are_told(pairs):
    with pytest.raises(InputError, match=r"shape \(8, numbers\); it gave \(8, 3, 3\)"):
        recognition.verify_small_faces(pairs, lambda faces: np.ones((len(faces), 3, 3)), [10], ["bicubic"])
    with pytest.raises(InputError, match="values that are not finite"):
        recognition.verify_small_faces(pairs, lambda faces: np.full((len(faces), 3), np.nan), [10], ["bicubic"])
    with pytest.raises(InputError, match="twice"):
        recognition.verify_small_faces(pairs, len, [10], ["bicubic", "bicubic"])
    with pytest.raises(InputError, match="no-such-model"):
        recognition.verify_small_faces(pairs, len, [10], ["no-such-model"])


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """From faces of 8 px to vectors of 4 numbers."""
    keras.utils.set_random_seed(0)
    x = image = keras.Input((8, 8, 3))
    for layer in (keras.layers.Conv2D(4, 3), keras.layers.ReLU(), keras.layers.Flatten(), keras.layers.Dense(4)):
        x = layer(x)
    return keras.Model(image, x)


@pytest.fixture
def faces(cat) -> np.ndarray:
    return resize(np.stack([cat[:100, :100], cat[100:200, 200:300], cat[150:250, 50:150]]), 8)


def test_keras_file(network, faces, tmp_path):
    network.save(tmp_path / "network.keras")
    embed = recognition.keras_file(tmp_path / "network.keras", "float32")
    for count in (3, 2):
        expected = network(faces[:count].astype("float32")).numpy()
        np.testing.assert_allclose(embed(faces[:count]), expected, rtol=1e-5)
    (tmp_path / "bad.keras").write_bytes(b"no model")
    for name in ("bad.keras", "nowhere.keras"):
        with pytest.raises(InputError, match=f"{name} cannot be read as a Keras model"):
            recognition.keras_file(tmp_path / name)


def write_tfjs(network: keras.Model, path) -> None:
    """Writes a graph model as TensorFlow.js has it: the graph as JSON, its constants in a file, one in 8 bits."""
    from google.protobuf.json_format import MessageToDict
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function = tf.function(lambda image: network(image), [tf.TensorSpec((None, 8, 8, 3))]).get_concrete_function()
    graph = convert_variables_to_constants_v2(function).graph.as_graph_def()
    weights, content = [], b""
    for node in graph.node:
        if node.op == "Const":
            value = tf.make_ndarray(node.attr["value"].tensor)
            weight = {"name": node.name, "shape": list(value.shape), "dtype": value.dtype.name}
            if value.shape == (3, 3, 3, 4):
                scale, least = float(np.ptp(value)) / 255, float(value.min())
                weight["quantization"] = {"dtype": "uint8", "scale": scale, "min": least}
                value = np.rint((value - least) / scale).astype(np.uint8)
            weights.append(weight)
            content += value.tobytes()
            node.attr["value"].tensor.Clear()
    (path.parent / "weights.bin").write_bytes(content)
    manifest = [{"paths": ["weights.bin"], "weights": weights}]
    path.write_text(json.dumps({"modelTopology": MessageToDict(graph), "weightsManifest": manifest}))


def test_tfjs_file(network, faces, tmp_path):
    write_tfjs(network, tmp_path / "model.json")
    embed = recognition.tfjs_file(tmp_path / "model.json", mean=0, deviation=1)
    expected = network(faces.astype("float32")).numpy()
    np.testing.assert_allclose(embed(faces), expected, atol=0.01 * np.abs(expected).max())
    (tmp_path / "weights.bin").write_bytes(b"cut off")
    with pytest.raises(InputError, match=r"model\.json cannot be read as a graph model"):
        recognition.tfjs_file(tmp_path / "model.json")


def test_onnx_file(faces, tmp_path):
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    given, made = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("faces", ["n", 3, 8, 8]), ("vectors", ["n", 192]))
    )
    graph = onnx.helper.make_graph([onnx.helper.make_node("Flatten", ["faces"], ["vectors"])], "g", [given], [made])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), tmp_path / "a.onnx")
    embed = recognition.onnx_file(tmp_path / "a.onnx", mean=1, deviation=2)
    np.testing.assert_allclose(embed(faces), (faces.transpose(0, 3, 1, 2).reshape(3, -1) - 1) / 2)


def test_packages_and_files_that_are_not_there_are_told(tmp_path, monkeypatch):
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    for module in ("onnxruntime", "keras_facenet"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match="pip install onnxruntime"):
        recognition.onnx_file(tmp_path / "bad.onnx")
    with pytest.raises(InputError, match="pip install keras-facenet"):
        recognition.keras_facenet()
    with pytest.raises(InputError, match=r"bad\.onnx cannot be read by OpenCV"):
        recognition.opencv_sface(tmp_path / "bad.onnx")
    for adapter in (recognition.onnx_file, recognition.opencv_sface, recognition.tfjs_file):
        with pytest.raises(InputError, match="There is no file"):
            adapter(tmp_path / "nowhere")


def test_lfw_is_downloaded_whole_or_not_at_all(lfw, tmp_path, monkeypatch):
    import requests
    import tensorflow_datasets as tfds

    class Manager:
        def __init__(self, download_dir, url_infos, **_):
            self.folder, self.known = download_dir, url_infos

        def download_and_extract(self, url):
            assert url in self.known
            return shutil.copytree(lfw, self.folder / "extracted", dirs_exist_ok=True)

        def download(self, url):
            assert self.known[url].checksum
            return lfw / "pairs.txt"

    def refuse(*_, **__):
        raise requests.ConnectionError("no route")

    monkeypatch.setenv("SRKIT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(requests, "head", refuse)
    with pytest.raises(InputError, match=r"lfw could not be downloaded \(ConnectionError: no route\)"):
        recognition.find_lfw()
    assert not (tmp_path / "data" / "lfw").exists()
    monkeypatch.setattr(requests, "head", lambda *_, **__: None)
    monkeypatch.setattr(tfds.download, "DownloadManager", Manager)
    assert len(recognition.read_pairs(recognition.find_lfw())) == 8
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["lfw"]
