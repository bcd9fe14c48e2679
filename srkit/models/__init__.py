"""Model builders. To add one: a file with a builder, and a line here; tests/test_models.py then tries it.

Builders name all layers. Names that Keras makes up count on from model to model, and TensorFlow orders its graphs by
name: with them, the same training could end in other last digits, depending on what was built before it.
"""

from srkit.models.discriminator import discriminator
from srkit.models.drcn import drcn
from srkit.models.edsr import edsr
from srkit.models.espcn import espcn
from srkit.models.mdsr import mdsr
from srkit.models.rrdb import rrdb
from srkit.models.scales import at_scale, fixed_sides, scale_of, scales_of
from srkit.models.srcnn import srcnn
from srkit.models.srresnet import srresnet
from srkit.models.vdsr import vdsr

MODELS = {  # generators: LR to SR
    "srresnet": srresnet,
    "edsr": edsr,
    "mdsr": mdsr,
    "rrdb": rrdb,
    "srcnn": srcnn,
    "espcn": espcn,
    "vdsr": vdsr,
    "drcn": drcn,
}

__all__ = [
    "MODELS",
    "at_scale",
    "discriminator",
    "drcn",
    "edsr",
    "espcn",
    "fixed_sides",
    "mdsr",
    "rrdb",
    "scale_of",
    "scales_of",
    "srcnn",
    "srresnet",
    "vdsr",
]
