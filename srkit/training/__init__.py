"""Trainers, and what a run leaves on disk."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "trainers": ["GanTrainer", "PreTrainer"],
        "trainer": ["Trainer"],
        "options": ["GanOptions", "TrainOptions"],
        "optimizers": ["Muon"],
        "run_folder": ["list_runs"],
    },
)
