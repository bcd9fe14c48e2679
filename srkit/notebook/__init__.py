"""What notebooks show and ask for."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "figures": ["LivePlot", "learning_curves", "show_batch"],
        "slider": ["compare"],
        "uploads": ["upload"],
        "execute": ["load_trained", "override"],
    },
)
