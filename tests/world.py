"""The cast and the stage: a small bank, its people, one model, its data."""

from datetime import UTC, datetime, timedelta

from audits.evaluators.base import Evaluation, Measurement
from audits.execution import store
from audits.measuring import Measured
from audits.models import EvidenceRun, Verification
from governance import (
    access,
    artifacts,
    assessing,
    datasets,
    persons,
    registration,
    roles,
)
from registry.models import (
    Artifact,
    Dataset,
    DatasetVersion,
    Environment,
    ModelVersion,
    RegisteredModel,
    Role,
    User,
)

# Tomorrow: after the policy that the migrations of the test database put in force.
NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
# Since when the cast hold their roles: a role of today cannot sign.
LONG_AGO = NOW - timedelta(days=30)
PASSWORD = "correct horse battery staple"  # noqa: S105
CAST = {
    "anna": ("Anna", "Lindqvist", Role.OWNER),
    "ben": ("Ben", "Moreau", Role.DEVELOPER),
    "vera": ("Vera", "Haas", Role.VALIDATOR),
    "rita": ("Rita", "Okafor", Role.RISK_MANAGER),
    "carl": ("Carl", "Brandt", Role.APPROVER),
    "cora": ("Cora", "Nilsson", Role.COMPLIANCE),
    "ola": ("Ola", "Svensson", Role.OPERATOR),
    "ines": ("Ines", "Ferrari", Role.AUDITOR),
    "eva": ("Eva", "Lund", Role.EXECUTIVE),
    "rolf": ("Rolf", "Weber", Role.RISK_MANAGER),
    "otto": ("Otto", "Berg", Role.OPERATOR),
    "adam": ("Adam", "Novak", Role.PLATFORM_ADMIN),
}
RECORD = {
    "name": "Mortgage approval",
    "purpose": "Proposes approval or refusal of household mortgages.",
    "expected_use": "A clerk sees the proposal and decides.",
    "inputs": "The application form.",
    "outputs": "Probability of refusal.",
    "limitations": "Not for commercial property.",
    # Where none is recorded, the law of everywhere applies.
    "jurisdictions": ["CH"],
}
# A record to which every shipped pack applies.
EVERYWHERE: dict[str, object] = {
    "jurisdictions": ["DE", "US", "US-NYC"],
    "is_model": True,
    "generative": False,
    "gxp": True,
    "aedt": True,
    "aedt_output": "score",
    "credit": True,
    "affects_people": True,
    "personal_data": True,
    "third_party_components": False,
    "special_categories_used": False,
    "ai_act_class": "high-annex-iii",
    "ai_act_role": "provider",
    "art6_3_claimed": False,
    "art50_applicable": True,
    "fria_required": True,
    "dpia_required": True,
}
LIGHTGBM = b"""tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=0
objective=binary sigmoid:1
feature_names=dti
feature_infos=[0:3]
tree_sizes=330

Tree=0
num_leaves=2
num_cat=0
split_feature=0
split_gain=1
threshold=0.33
decision_type=2
left_child=-1
right_child=-2
leaf_value=-1 1
leaf_weight=1 1
leaf_count=10 10
internal_value=0
internal_weight=0
internal_count=20
is_linear=0
shrinkage=1


end of trees
"""
CSV = b"dti,afam,deny\n" + b"".join(
    f"0.{i % 90:02},{'yes' if i % 3 else 'no'},{i % 2}\n".encode() for i in range(120)
)
GOOD = {
    "performance": [("roc_auc", "", 0.81)],
    "fairness": [
        ("demographic_parity_difference", "afam", 0.05),
        ("equal_opportunity_difference", "afam", 0.04),
    ],
    "explainability": [("importance_stability", "", 0.97)],
}


def cast() -> dict[str, User]:
    """Everybody, with one role each and a personnel number."""
    system = access.system_user()
    people = {}
    for username, (first, last, role) in CAST.items():
        person = access.create_person(
            username=username,
            first_name=first,
            last_name=last,
            email=f"{username}@bank.example",
            unit="",
            password=PASSWORD,
            by=system,
        )
        roles.grant(user=person, role=role, by=system, at=LONG_AGO)
        persons.record_identity(
            user=person,
            kind="external-id",
            issuer="hr",
            value=f"p-{username}",
            by=system,
            at=NOW,
        )
        people[username] = person
    return people


class World:
    """The stage of a test; every method is one act of one of the cast."""

    def __init__(self) -> None:
        self.people = cast()
        self.production: Environment = registration.register_environment(
            slug="production", name="Production", by=self.people["ola"]
        )

    def __getattr__(self, name: str) -> User:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    def model(
        self, slug: str = "mortgage-approval", **record: object
    ) -> RegisteredModel:
        """Anna registers a model that Ben develops and Vera validates."""
        return registration.register_model(
            slug=slug,
            owner=self.anna,
            developer=self.ben,
            validator=self.vera,
            by=self.anna,
            at=NOW,
            **{**RECORD, **record},
        )

    def artifact(self, content: bytes = LIGHTGBM) -> Artifact:
        """Ben uploads a model file."""
        return artifacts.store(
            chunks=[content], file_name="model.txt", by=self.ben, at=NOW
        )

    def version(
        self, model: RegisteredModel, version: str = "1", content: bytes = LIGHTGBM
    ) -> ModelVersion:
        """Ben registers a version of it."""
        return registration.register_version(
            model=model,
            version=version,
            artifacts=[(self.artifact(content), "model")],
            by=self.ben,
            at=NOW,
        )

    def data(self, slug: str = "applications") -> DatasetVersion:
        """Ben uploads applications with a sensitive column."""
        dataset = Dataset.objects.filter(slug=slug).first() or datasets.register(
            slug=slug, name=slug.capitalize(), by=self.ben, at=NOW
        )
        return datasets.add_version(
            dataset=dataset,
            chunks=[CSV],
            file_name="applications.csv",
            columns={"dti": "feature", "afam": "sensitive", "deny": "target"},
            by=self.ben,
            at=NOW,
        )

    def measured(
        self,
        version: ModelVersion,
        data: DatasetVersion,
        numbers: dict[str, list[tuple[str, str, float | None]]] | None = None,
        at: datetime = NOW,
        by: User | None = None,
    ) -> None:
        """Reports with given numbers, stored by the engine's own act."""
        for kind, values in (numbers or GOOD).items():
            run = EvidenceRun.objects.create(
                version=version,
                kind=kind,
                dataset_version=data,
                requested_by=by or self.vera,
                requested_at=at,
                state=EvidenceRun.State.RUNNING,
            )
            evaluation = Evaluation(
                measurements=tuple(
                    Measurement(name=n, group=g, value=v, because="" if v else "few")
                    for n, g, v in values
                ),
                summary={},
            )
            measured = Measured(
                evaluation=evaluation, artifact_sha256="0" * 64, sandbox="test"
            )
            store(run=run, measured=measured, at=at)

    def assessed(
        self, model: RegisteredModel, likelihood: int = 4, impact: int = 4
    ) -> None:
        """Rita assesses it: 4 x 4 is high, tier 2."""
        assessing.assess(
            model=model,
            likelihood=likelihood,
            impact=impact,
            rationale="Wrong refusals harm households.",
            by=self.rita,
            at=NOW,
        )

    def ready(
        self, slug: str = "mortgage-approval", version: str = "1"
    ) -> ModelVersion:
        """A measured and assessed version that can be submitted."""
        model = self.model(slug)
        made = self.version(model, version)
        self.measured(made, self.data())
        self.assessed(model)
        return made


def log_verified(at: datetime = NOW, *, ok: bool = True) -> Verification:
    """What the clock writes after it verified the log; it cannot inside a test's
    transaction, the journeys do it for real."""
    return Verification.objects.create(
        ran_at=at, ok=ok, size=1, findings=[], not_covered=[]
    )


def later(**delta: float) -> datetime:
    """NOW and something."""
    return NOW + timedelta(**delta)
