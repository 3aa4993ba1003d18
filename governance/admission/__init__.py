"""The gate for clusters: AdmissionReview v1, denied unless everything says yes."""

from governance.admission.deciding import Answer, admit
from governance.admission.reviewing import Malformed, NoReview, Review, read

__all__ = ["Answer", "Malformed", "NoReview", "Review", "admit", "read"]
