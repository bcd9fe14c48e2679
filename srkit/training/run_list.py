"""Which runs there are, and how far each is, without loading them."""

import dataclasses
import os
import time
from pathlib import Path

from srkit.errors import InputError
from srkit.training.run_folder import RunFolder


@dataclasses.dataclass
class RunStatus:
    """How far a run is.

    Attributes:
        path: The run's folder.
        trainer: The name of the trainer's class.
        step: Number of steps done at the last checkpoint.
        steps: Number of steps of the whole run.
        scores: The scores of the last validation, by name.
        state: `"running"`, `"finished"` or `"stopped"`.
        updated: When the last checkpoint was written, in seconds since 1970.
    """

    path: Path
    trainer: str
    step: int
    steps: int
    scores: dict[str, float]
    state: str
    updated: float

    @property
    def age(self) -> str:
        """How long ago the last checkpoint was written, in words."""
        seconds = time.time() - self.updated
        for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
            if seconds >= size:
                return f"{seconds / size:.0f} {unit} ago"
        return "now"


def list_runs(root: "str | os.PathLike" = "runs") -> list[RunStatus]:
    """The runs below a folder (or in it), by path.

    Raises:
        InputError: There is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}: give the one that holds the runs.")
    found = {path.parent for path in root.rglob("settings.json") if (path.parent / "checkpoints").is_dir()}
    return [status_of(RunFolder(path)) for path in sorted(found)]


def status_of(run: RunFolder) -> RunStatus:
    """How far a run is."""
    extra, step = run.checkpoints.load_extra(), run.checkpoints.last_step()
    steps = extra.get("steps", 0)
    return RunStatus(
        path=run.path,
        trainer=run.settings.get("trainer", "?"),
        step=step,
        steps=steps,
        scores=extra.get("scores", {}),
        state="running" if run.is_locked() else "finished" if steps and step >= steps else "stopped",
        updated=max((path.stat().st_mtime for path in run.checkpoints.paths()), default=0.0),
    )
