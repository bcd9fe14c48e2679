"""Where progress bars are shown."""

import sys
from typing import TextIO


def bar_stream() -> TextIO:
    """The stream for a progress bar: in a notebook standard output, since notebooks show errors' stream in red.

    ```python
    from tqdm import tqdm

    bar = tqdm(total=100, file=bar_stream())
    ```
    """
    return sys.stdout if type(sys.stdout).__module__.startswith("ipykernel") else sys.stderr
