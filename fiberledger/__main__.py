import sys

from fiberledger.cli import main

sys.exit(main())
