"""Trainers, their options and callbacks, and what a run leaves on disk."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "callbacks.callback": ["Callback"],
        "distribution": ["default_strategy"],
        "gan_trainer": ["GanTrainer"],
        "muon": ["Muon"],
        "options": ["GanOptions", "TrainOptions"],
        "pre_trainer": ["PreTrainer"],
        "run_folder": ["RunFolder"],
        "run_list": ["list_runs", "status_of"],
        "trainer": ["Trainer"],
    },
)
