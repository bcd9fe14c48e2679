"""Model builders. To add one: a file with a builder, and a line here; tests/test_models.py then tries it.

Builders name all layers. Names that Keras makes up count on from model to model, and TensorFlow orders its graphs by
name: with them, the same training could end in other last digits, depending on what was built before it.
"""

from srkit.models.architectures.discriminator import discriminator
from srkit.models.architectures.drcn import drcn
from srkit.models.architectures.edsr import edsr
from srkit.models.architectures.espcn import espcn
from srkit.models.architectures.mdsr import mdsr
from srkit.models.architectures.rrdb import rrdb
from srkit.models.architectures.srcnn import srcnn
from srkit.models.architectures.srresnet import srresnet
from srkit.models.architectures.vdsr import vdsr

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
    "discriminator",
    "drcn",
    "edsr",
    "espcn",
    "mdsr",
    "rrdb",
    "srcnn",
    "srresnet",
    "vdsr",
]
