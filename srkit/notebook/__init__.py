"""What notebooks show and ask for, and how they are run from outside."""

import lazy_loader

from srkit.errors import needs_extra

_import, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparison_page": ["ComparisonPage"],
        "demo": ["run_demo"],
        "figures": ["comparison_figure", "learning_curves", "show_batch"],
        "live_plot": ["LivePlot"],
        "parameters": ["load_trained", "override"],
        "slider": ["Comparison", "compare"],
        "uploads": ["upload"],
    },
)


def __getattr__(name: str):
    with needs_extra("notebooks"):
        return _import(name)
