"""The one way in which code in the child says no."""


class Refused(Exception):
    """The bytes are not acceptable; the text is a full sentence for people."""


def told(trouble: Exception, length: int = 200) -> str:
    """What a library said, in one line, to be put before the full stop."""
    return " ".join(str(trouble).split())[:length].rstrip(".:; ")
