"""The sources of photographs by name. To add one: a function in this package, and a line here."""

from srkit.lazy import LazyTable

# A source is a function that takes the options of `srkit.data.folder`, and returns pairs: `(train, valid)`.
SOURCES = LazyTable(
    {
        "samples": "srkit.data.sources:samples",
        "stanford_dogs": "srkit.data.sources:stanford_dogs",
        "div2k": "srkit.data.sources:div2k",
    }
)
