"""`python -m srkit`."""

import sys

from srkit.cli.main import main

sys.exit(main())
