"""`python -m holdfast.cli`: the program where no script was installed."""

import sys

from .main import main

sys.exit(main())
