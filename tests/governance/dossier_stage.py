"""A version on its way, with evidence that has charts, for the tests of dossiers."""

from django.utils import timezone

from audits.evaluators.base import Evaluation, Measurement
from audits.execution import store
from audits.measuring import Measured
from audits.models import EvidenceRun
from governance import approvals, deployments, gate
from governance.dossier.request import request_dossier
from governance.models import Dossier
from governance.signatures import Proof
from registry.acts import acting
from registry.models import ModelVersion
from tests.world import PASSWORD, World, log_verified

HOSTILE = "<b>&\"'</b>{{ 7|add:1 }}{% now %}\u202egnp.exe\u202c\x01 مرحبا 😀 "
FIGURES = {
    "performance": Evaluation(
        measurements=(
            Measurement("roc_auc", 0.81234, 0.77, 0.85, n=120, method="DeLong"),
        ),
        summary={
            "threshold": 0.5,
            "confusion": {
                "true_positive": 41,
                "false_positive": 7,
                "false_negative": 19,
                "true_negative": 53,
            },
            "roc_curve": [
                {"false_positive_rate": x / 10, "true_positive_rate": (x / 10) ** 0.5}
                for x in range(11)
            ],
        },
        versions={"numpy": "2"},
    ),
    "fairness": Evaluation(
        measurements=(
            Measurement("demographic_parity_difference", 0.0517, group="afam", n=120),
            Measurement("equal_opportunity_difference", 0.0431, group="afam", n=120),
            Measurement("selection_rate", 0.7777, 0.7, 0.83, n=80, group="afam=no"),
            Measurement("selection_rate", None, n=3, group="afam=yes", because="few"),
        ),
        summary={},
    ),
    "explainability": Evaluation(
        measurements=(
            Measurement("stability", 0.97),
            Measurement("importance_stability", 0.97),
        ),
        summary={},
    ),
}


class Stage(World):
    """The cast with a version that can be taken to its permit.

    Everything happens now, by the clock that the log goes by too; the fixture sets
    the world's NOW.
    """

    def measured_with_figures(
        self, version: ModelVersion, evaluations: dict[str, Evaluation] | None = None
    ) -> None:
        """Reports of all kinds, stored by the engine's own act."""
        data = self.data()
        for kind, evaluation in (evaluations or FIGURES).items():
            with acting(by=self.ben):
                run = EvidenceRun.objects.create(
                    version=version,
                    kind=kind,
                    dataset_version=data,
                    requested_by=self.vera,
                    requested_at=timezone.now(),
                    state=EvidenceRun.State.RUNNING,
                )
            found = Measured(evaluation, "0" * 64, "test")
            store(run=run, measured=found, at=timezone.now())

    def approved(self) -> ModelVersion:
        """Measured, assessed, signed by Vera and Carl, permitted once, denied once."""
        model = self.model()
        version = self.version(model)
        self.measured_with_figures(version)
        self.assessed(model)
        question = gate.Question("production", model.slug, version.version)
        gate.decide(question=question, by=self.ola, at=timezone.now())
        request = approvals.submit(
            version=version,
            environment=self.production,
            by=self.anna,
            at=timezone.now(),
        )
        for meaning, by in (("review", self.vera), ("approval", self.carl)):
            approvals.sign(
                request=request,
                meaning=meaning,
                proof=Proof(password=PASSWORD),
                by=by,
                at=timezone.now(),
            )
        log_verified(timezone.now())
        decision = gate.decide(question=question, by=self.ola, at=timezone.now())
        deployments.record(
            version=version,
            environment=self.production,
            artifact_sha256=decision.authorisation.artifact_sha256,
            permit_id=str(decision.pk),
            by=self.ola,
            at=timezone.now(),
        )
        return version

    def asked(self, version: ModelVersion, language: str = "en") -> Dossier:
        """Ines, the auditor, asks for a dossier."""
        return request_dossier(
            version=version, by=self.ines, at=timezone.now(), language=language
        )
