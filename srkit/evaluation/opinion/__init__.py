"""Mean opinion scores: a study that people answer in a browser, and its report."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answers": ["append_answer", "read_answers"],
        "figure": ["draw_report"],
        "making": ["make_study"],
        "reporting": ["report_study"],
        "server": ["serve_study"],
        "study": ["Study", "page_of", "read_study"],
        "tables": ["print_report"],
    },
)
