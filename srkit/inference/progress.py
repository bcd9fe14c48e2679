"""The bar that shows how far the upscaling of photographs is, and how long it still takes."""

import sys
import threading
import time

from tqdm import tqdm

from srkit.progress import bar_stream

_SHOWN_AFTER_SECONDS = 2


class UpscalingBar(tqdm):
    """Shows the share of the work that is done, tile by tile, and the time left; nothing for what takes two seconds.

    On a terminal it shows the time every second, even while one tile is computed.

    Args:
        num_photos: Number of photographs. Each counts as much as any other, since their sizes are not known before.
    """

    monitor_interval = 0  # no thread of tqdm's own beside the one below

    def __init__(self, num_photos: int):
        super().__init__(
            total=num_photos,
            desc="Upscaling",
            file=bar_stream(),
            delay=_SHOWN_AFTER_SECONDS,
            miniters=0,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
        )
        self._began, self._num_px, self._num_done, self._closed = time.perf_counter(), 0, 0, threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        if sys.stderr.isatty():
            self._ticker.start()

    def advance(self, share: float) -> None:
        """Counts a share, from 0 to 1, of one photograph."""
        self.update(min(share, self._num_done + 1 - self.n))  # shares are rounded

    def finish_one(self, num_px: int) -> None:
        """Counts a photograph as done.

        Args:
            num_px: Pixels of its result; 0 if there is none.
        """
        self._num_done += 1
        self._num_px += num_px
        speed = self._num_px / 1e6 / max(time.perf_counter() - self._began, 1e-3)
        self.set_postfix_str(f"{self._num_done} of {self.total}, {speed:.2f} MP/s", refresh=False)
        self.update(self._num_done - self.n)

    def close(self) -> None:
        self._closed.set()
        super().close()

    def _tick(self) -> None:
        wait = _SHOWN_AFTER_SECONDS
        while not self._closed.wait(wait):
            self.refresh()
            wait = 1
