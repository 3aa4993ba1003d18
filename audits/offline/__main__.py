"""`python -m audits.offline FILE`"""

import sys

from audits.offline.command import main

sys.exit(main())
