"""Pickles of PyTorch, read as data: nothing that is in them is executed.

A pickle is a small program. `unpickle` runs the few instructions that build containers, numbers and tensors. It never
imports a name: of all names it knows those in `_NAMES`.
"""

import io
import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

_MAX_BYTES = 2**25  # the largest pickles of real checkpoints have a megabyte; in memory each byte may become a hundred
_MAX_DIMENSIONS = 8

BFLOAT16 = "bfloat16"  # the upper half of a float32; NumPy does not have it
_STORAGES = {
    "torch.DoubleStorage": "<f8",
    "torch.FloatStorage": "<f4",
    "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": BFLOAT16,
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "<i1",
    "torch.ByteStorage": "<u1",
    "torch.BoolStorage": "<?",
}
_NAMES = {
    "collections.OrderedDict": lambda items=(): dict(_plain_keys(items)),
    "torch._utils._rebuild_tensor_v2": lambda *arguments: _tensor(*arguments[:4]),
    "torch._utils._rebuild_parameter": lambda tensor, *_: _of(Tensor, tensor),
    **dict.fromkeys(_STORAGES),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_STRINGS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "SHORT_BINSTRING", "BINSTRING"}
_MARK = object()


class Refused(ValueError):
    """What is wrong with a file's content: the end of a sentence that begins with the file's name."""


class _Name(NamedTuple):
    text: str


@dataclass(frozen=True)
class Storage:
    """Numbers of one type, one behind the other.

    Attributes:
        dtype: NumPy's name of their type, or BFLOAT16.
        size: How many numbers there are.
        read: Gives their bytes.
    """

    dtype: str
    size: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Tensor:
    """A view of a storage, which it does not exceed.

    Attributes:
        storage: Where the numbers are.
        offset: The index of the first one.
        shape: Lengths of the axes.
        strides: Steps between neighbours on each axis, in numbers.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def numpy(self) -> np.ndarray:
        """The numbers; bfloat16 as float32.

        Raises:
            Refused: A length or a stride is larger than NumPy has it, which takes an axis of no or one number.
        """
        stored = np.frombuffer(self.storage.read(), stored_as(self.storage.dtype))
        steps = tuple(stride * stored.itemsize for stride in self.strides)
        try:
            view = np.lib.stride_tricks.as_strided(stored[self.offset :], self.shape, steps, writeable=False)
        except (ValueError, OverflowError):
            raise Refused(f"is damaged: a tensor has the shape {self.shape} and the strides {self.strides}.") from None
        return as_numbers(view.copy(), self.storage.dtype)


def stored_as(dtype: str) -> np.dtype:
    """The type by which NumPy reads numbers of a file; it has no bfloat16."""
    return np.dtype("<u2" if dtype == BFLOAT16 else dtype)


def as_numbers(stored: np.ndarray, dtype: str) -> np.ndarray:
    """The numbers that NumPy has read as `stored_as` says; bfloat16 as float32."""
    return (stored.astype(np.uint32) << 16).view(np.float32) if dtype == BFLOAT16 else stored


def bytes_of(size: int, dtype: str) -> int:
    """How many bytes numbers take."""
    return size * stored_as(dtype).itemsize


def unpickle(stream: io.BytesIO, storage: Callable[[str, str, int], Storage]) -> Any:
    """Reads one pickle.

    Args:
        stream: Where the pickle is; it is read up to its end.
        storage: Gives a storage for the type, the key and the number of values that a pickle says.

    Returns:
        Dicts, lists, tuples, numbers, strings, and `Tensor`s as leaves.

    Raises:
        Refused: An instruction or a name is not among those that build these.
    """
    machine, start = _Machine(storage), stream.tell()
    try:
        for instruction, argument, position in pickletools.genops(stream):
            if instruction.name == "STOP":
                return machine.pop()
            if position - start > _MAX_BYTES:
                raise Refused("is refused: its pickle is larger than that of any network.")
            machine.run(instruction.name, argument)
    except Refused:
        raise
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError):
        pass
    raise Refused("is damaged: its pickle makes no sense.")


class _Machine:
    """The stack and the memory of a pickle's program."""

    def __init__(self, storage: Callable[[str, str, int], Storage]):
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}
        self.storage = storage

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise IndexError
        return value

    def run(self, name: str, argument: Any) -> None:
        """Runs one instruction."""
        stack = self.stack
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _NUMBERS or name in _STRINGS:
            stack.append(argument)
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("EMPTY_DICT", "EMPTY_LIST"):
            stack.append({} if name == "EMPTY_DICT" else [])
        elif name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(self._take(name[5:])))
        elif name in ("APPEND", "APPENDS"):
            items = self._take("1" if name == "APPEND" else "")
            _of(list, stack[-1]).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self._take("2" if name == "SETITEM" else "")
            _of(dict, stack[-1]).update(_plain_keys(zip(items[::2], items[1::2], strict=True)))
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memory[len(self.memory) if argument is None else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memory[argument])
        elif name == "GLOBAL":
            stack.append(_name(argument.replace(" ", ".")))
        elif name == "STACK_GLOBAL":
            stack.append(_name(".".join(self._take("2"))))
        elif name == "BINPERSID":
            stack.append(self._stored(*self.pop()))
        elif name == "REDUCE":
            function, arguments = self._take("2")
            stack.append(_NAMES[_of(_Name, function).text](*arguments))
        elif name == "BUILD":  # an OrderedDict's attributes: versions of modules, which are not needed
            self.pop()
            _of(dict, stack[-1])
        elif name not in ("PROTO", "FRAME"):
            raise Refused(f"is refused: its pickle has the instruction {name}, which no tensor needs.")

    def _take(self, count: str) -> list[Any]:
        """Takes so many values from the stack; by default those above the last mark, and the mark."""
        if count:
            return [self.pop() for _ in range(int(count))][::-1]
        items = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _stored(self, kind: str, storage_type: _Name, key: str, device: str, size: int, view: None = None) -> Storage:
        if kind != "storage" or view is not None or not _is_count(size):
            raise ValueError
        return self.storage(_STORAGES[_of(_Name, storage_type).text], _of(str, key), size)


def _name(text: str) -> _Name:
    if text not in _NAMES:
        raise Refused(
            f"is refused: it asks for {text[:100]!r}, but only tensors in plain dicts and lists are opened. If you "
            "trust it, let PyTorch save the weights alone: torch.save(model.state_dict(), …)."
        )
    return _Name(text)


def _tensor(storage: Storage, offset: int, shape: tuple, strides: tuple) -> Tensor:
    _of(Storage, storage)
    if not all(map(_is_count, (offset, *shape, *strides))) or not len(shape) == len(strides) <= _MAX_DIMENSIONS:
        raise ValueError
    tensor = Tensor(storage, offset, shape, strides)
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides))
    if tensor.size and (last >= storage.size or tensor.size > storage.size):
        raise Refused(f"is damaged: a tensor of shape {shape} exceeds its storage of {storage.size:,} numbers.")
    return tensor


def _plain_keys(pairs) -> list[tuple]:
    """The pairs of a dict, whose keys must be plain."""
    pairs = [(key, value) for key, value in pairs]
    if not all(isinstance(key, str | int | float | None) for key, _ in pairs):
        raise ValueError
    return pairs


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError
    return value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62
