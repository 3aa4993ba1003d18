"""The one way in which code in the child says no."""


class Refused(Exception):
    """The bytes are not acceptable; the text is a full sentence for people."""
