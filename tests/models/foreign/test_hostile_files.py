"""Files that are damaged, or made to harm: one sentence for each, and nothing in them is executed."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import safetensors.numpy
from pytorch_like import BFLOAT16, Writer, older_form, save, zip_form

from srkit import InputError, load_model
from srkit.models.foreign.checkpoint import read_checkpoint

TENSORS = {"a.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "b": np.array(7), "c": np.zeros((0, 3), "f4")}


class Command:
    """Pickled, it is a command for the shell."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


def refused(path, content: bytes, *reasons: str) -> str:
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load_model(path)
    message = str(error.value)
    assert message.startswith(str(path)) and "\n" not in message
    for reason in reasons:
        assert reason in message
    return message


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16", BFLOAT16, "float64"])
def test_both_forms_and_all_types_are_read(older, dtype, path):
    content = {"epoch": 3, "loss": 0.5, "best": None, "done": True, "sizes": [1, 2], "params": TENSORS}
    tensors, place, is_average = read_checkpoint(save(content, path, dtype, older))
    assert (place, is_average) == ("params", False)
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], value)


@pytest.mark.parametrize("dtype", ["<f4", "<f2", "<f8"])
def test_safetensors_are_read(dtype, tmp_path):
    stored = {name: value.astype(dtype) for name, value in TENSORS.items()}
    safetensors.numpy.save_file(stored, tmp_path / "weights.safetensors")
    tensors = read_checkpoint(tmp_path / "weights.safetensors").tensors
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], value)


def test_bfloat16_of_safetensors_is_read(tmp_path):
    header = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    content = struct.pack("<Q", len(header)) + header + np.array([0x3FC0, 0xC000], "<u2").tobytes()
    (tmp_path / "weights.safetensors").write_bytes(content)
    np.testing.assert_array_equal(read_checkpoint(tmp_path / "weights.safetensors").tensors["a"], [1.5, -2])


@pytest.mark.parametrize("older", [False, True])
def test_averages_are_preferred(older, path):
    plain = {"a": np.zeros(2, "f4")}
    for content, place, average in [
        ({"params": plain, "params_ema": TENSORS}, "params_ema", True),
        ({"state_dict": TENSORS, "optimizer": {"state": {0: plain}}}, "state_dict", False),
        ({"model": {"params_ema": TENSORS}}, "model.params_ema", True),
        (TENSORS, "", False),
    ]:
        found = read_checkpoint(save(content, path, older=older))
        assert (found.place, found.is_average) == (place, average)
        assert found.tensors.keys() == TENSORS.keys()


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_command_in_the_pickle_is_named_and_not_run(older, protocol, path, tmp_path):
    content = pickle.dumps({"state_dict": Command(tmp_path / "ran")}, protocol=protocol)
    writer = Writer()
    refused(
        path, older_form(content, writer) if older else zip_form(content, writer), f"'{os.system.__module__}.system'"
    )
    assert not (tmp_path / "ran").exists()


def test_pickles_inside_of_the_pickle_are_not_opened(path, tmp_path):
    inner = pickle.dumps(Command(tmp_path / "ran"))
    content = b"\x80\x02c_pickle\nloads\nC" + bytes([len(inner)]) + inner + b"\x85R."
    refused(path, zip_form(content, Writer()), "'_pickle.loads'")
    refused(path, zip_form(b"\x80\x02C" + bytes([len(inner)]) + inner + b".", Writer()), "SHORT_BINBYTES")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "instructions",
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n(t.",  # a tuple, but no call
        b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"ctorch\nFloatStorage\n)R.",
        b"ccollections\nOrderedDict\n(K\x01tR.",
        b"}(K\x01u.",
        b"}((t(tu.",  # a tuple as a key
        b"h\x05.",
        b"u.",
        b"(.",
        b"(X\x07\x00\x00\x00storageQ.",
        b"",
    ],
)
def test_pickles_that_make_no_sense_are_damaged(instructions, path):
    refused(path, zip_form(b"\x80\x02" + instructions, Writer()), "")


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(
    ("size", "offset", "shape", "strides"),
    [
        (4, 0, (10**9,), (1,)),  # a billion numbers, of which four are there
        (4, 0, (10**9,), (0,)),  # the same number a billion times
        (10**9, 0, (10**9,), (1,)),  # a storage that says that it has them
        (2**61, 0, (2**61,), (1,)),
        (4, 4, (1,), (1,)),
        (4, 2**61, (1,), (1,)),
        (4, -1, (1,), (1,)),
        (4, 0, (2, 2), (3, 1)),
        (4, 0, (2, 2), (-1, 1)),
        (4, 0, (4,), (1, 1)),
        (4, 0, (1,), (2**61,)),  # more than NumPy can count, though there is one number, or none
        (4, 0, (0, 2**61), (1, 1)),
        (4, 0, (1,) * 9, (1,) * 9),
        (4, 0, (2.0,), (1,)),
    ],
)
def test_tensors_that_exceed_their_storage_are_refused(older, size, offset, shape, strides, path):
    writer = Writer(older=older)
    content = b"\x80\x02}X\x01\x00\x00\x00a"
    content += writer.tensor(b"\0" * 16, "float32", size, offset, shape, strides) + b"s."
    refused(path, older_form(content, writer) if older else zip_form(content, writer), "damaged")


def test_views_that_are_larger_than_the_file_together_are_refused(path):
    writer = Writer()
    tensor = writer.tensor(b"\0" * 400_000, "float32", 100_000, 0, (100_000,), (1,))
    names = b"".join(b"X\x02\x00\x00\x00" + bytes([97 + number, 97]) + tensor for number in range(9))
    refused(path, zip_form(b"\x80\x02}(" + names + b"u.", writer), "larger than the file")


def archive(entries: dict[str, bytes], compression=zipfile.ZIP_STORED) -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return result.getvalue()


def test_archives_that_pytorch_does_not_write_are_refused(path):
    data = b"\x80\x02}."
    refused(path, archive({"a/data.pkl": data, "a/../../evil": b""}), "a/../../evil", "outside")
    refused(path, archive({"a/data.pkl": data, "/evil": b""}), "outside")
    refused(path, archive({"a/data.pkl": b"\0" * 10**6}, zipfile.ZIP_DEFLATED), "compressed")
    refused(path, archive({"a/other": b""}), "no data.pkl")
    refused(path, archive({"a/data.pkl": data, "a/byteorder": b"big"}), "big-endian")
    refused(path, archive({"a/data.pkl": data}), "holds no network")
    refused(path, archive({"a/data.pkl": b"\x80\x02}q\0X\5\0\0\0modelh\0s."}), "holds no network")  # a dict in itself
    refused(path, b"GIF89a", "no file of PyTorch")
    refused(path, b"", "no file of PyTorch")


@pytest.mark.parametrize("older", [False, True])
def test_truncated_and_changed_files_end_in_one_sentence(older, path):
    whole = save({"params": TENSORS}, path, older=older).read_bytes()
    for length in range(0, len(whole), 7):
        refused(path, whole[:length])
    for place in range(0, len(whole), 3):
        for value in (0, 255):
            refused(path, whole[:place] + bytes([value]) + whole[place + 1 :])  # at best no network


def test_damaged_safetensors_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    refused(path, b"", "damaged")
    refused(path, struct.pack("<Q", 2**60) + b"{}", "damaged")
    header = b'{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}'
    refused(path, struct.pack("<Q", len(header)) + header + b"\0" * 4, "damaged")
    header = b'{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}'
    refused(path, struct.pack("<Q", len(header)) + header + b"\0", "F8_E4M3")
