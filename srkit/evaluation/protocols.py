"""How papers score."""

PROTOCOLS = ("edsr", "srgan")
