"""What memory the process takes, and what it may take: the machine's, and a GPU's own."""

import contextlib
import math
import threading
from collections.abc import Iterator

import psutil

from srkit.devices import free_gpu_bytes, gpus


class _Allocator:
    """TensorFlow's allocator, which keeps the memory that it once took for later calls. Threads share it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._in_use = self._kept = 0

    @contextlib.contextmanager
    def taking(self, num_bytes: float) -> Iterator[None]:
        """Counts memory as in use while the block runs, and as kept from then on."""
        with self._lock:
            self._in_use += num_bytes
            self._kept = max(self._kept, self._in_use)
        try:
            yield
        finally:
            with self._lock:
                self._in_use -= num_bytes

    def free(self) -> int:
        """Bytes that it keeps for the next call."""
        with self._lock:
            return int(self._kept - self._in_use)


allocator = _Allocator()


def memory_used_and_limit(memory: int | None) -> tuple[int, int]:
    """Bytes that the process takes beside the allocator's free ones, and the most that it may take.

    Args:
        memory: That limit in bytes; None for what the process takes and half of what is free.
    """
    used = psutil.Process().memory_info().rss - (0 if gpus() else allocator.free())
    return used, used + psutil.virtual_memory().available // 2 if memory is None else memory


def gpu_memory_limit() -> float:
    """Bytes of a GPU's memory that may be taken: half of what is free, as others may use the card, and what is kept.

    Infinite without a GPU, or where its driver does not tell: then an out-of-memory error decides.
    """
    free = free_gpu_bytes()
    return math.inf if free is None else allocator.free() + free / 2
