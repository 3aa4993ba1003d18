"""How many threads this child may use; every library is told the same number."""

import os


def threads() -> int:
    """Answer what the parent said in the environment, which most libraries read."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))
