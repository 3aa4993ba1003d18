"""What runs against what may run: nothing unseen counts as nothing that runs."""

from itertools import islice

from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance import access, gate, reconciliation, suspensions
from governance.clusters.naming import MODEL, VERSION
from governance.gate import Question
from governance.lifecycle import State as Authority
from governance.models import Announcement, Authorisation
from governance.reconciliation import State
from tests.governance.cluster import ELSEWHERE, service
from tests.governance.reconciling import configured, look, report, running, states
from tests.governance.test_gate import approved, ask
from tests.world import NOW, later, log_verified


def test_what_runs_with_a_permit_is_permitted_and_the_rest_is_not(world, cluster):
    version = approved(world)
    sha256 = world.artifact().sha256
    cluster.services = [
        service(sha256, "good"),
        service(ELSEWHERE, "shadow"),
        service("", "nameless"),
    ]
    run = look(configured(world, cluster))
    assert (run.found, run.problem) == (3, "")
    by_place = {one.place: one for one in running()}
    good = by_place["models/InferenceService/good"]
    # Approved, and still nobody asked the gate.
    assert (good.state, good.version) == (State.UNAUTHORISED, version)
    assert "never permitted" in good.because
    assert ask(world).allowed
    by_place = {one.place: one for one in running()}
    assert by_place["models/InferenceService/good"].state == State.PERMITTED
    for name in ("shadow", "nameless"):
        one = by_place[f"models/InferenceService/{name}"]
        assert one.state == State.UNAUTHORISED
        assert one.because
        assert one.next_step


def test_an_approved_file_beside_another_does_not_launder_it(world, cluster):
    approved(world)
    ask(world)
    hidden = {"predictor": {"model": {"storageUri": f"oci://x@sha256:{ELSEWHERE}"}}}
    loose = {"predictor": {"model": {"storageUri": "s3://a"}}, "uri": "s3://b"}
    sha256 = world.artifact().sha256
    cluster.services = [
        service(sha256, "pinned", **hidden),
        service(sha256, "loose", **loose),
    ]
    look(configured(world, cluster))
    found = {(o.place.split("/")[-1], o.state) for o in running()}
    assert ("pinned", State.UNAUTHORISED) in found
    assert ("loose", State.UNAUTHORISED) in found


def test_a_file_of_several_versions_runs_as_the_one_that_it_names(world, cluster):
    version = approved(world)
    ask(world)
    world.version(version.model, "2")
    cluster.services = [
        called(service(world.artifact().sha256, name), version.model.slug, number)
        for name, number in (("first", "1"), ("second", "2"), ("other", "9"))
    ] + [service(world.artifact().sha256, "nameless")]
    source = configured(world, cluster)
    look(source)
    by_place = {one.place: one for one in running()}
    told = {place.split("/")[-1]: one for place, one in by_place.items()}
    assert told["first"].state == State.PERMITTED
    assert told["second"].state == State.UNAUTHORISED
    assert "never permitted" in told["second"].because
    for name in ("other", "nameless"):
        assert told[name].state == State.UNAUTHORISED
        assert "Several versions" in told[name].because


def test_what_names_its_version_is_not_judged_one_by_one(world, cluster):
    version = approved(world)
    ask(world)
    world.version(version.model, "2")
    sha256 = world.artifact().sha256
    cluster.services = [called(service(sha256), version.model.slug, "1")]
    look(configured(world, cluster))
    with CaptureQueriesContext(connection) as asked:
        assert reconciliation.fleet(at=NOW).counts[State.PERMITTED] == 1
    assert sum("governance_gatedecision" in q["sql"] for q in asked) == 1


def called(one: dict, model: str, version: str) -> dict:
    """What runs, with the names of its model and version in our annotations."""
    one["metadata"]["annotations"] |= {MODEL: model, VERSION: version}
    return one


def test_a_suspension_while_it_runs_makes_it_unauthorised(world, cluster):
    approved(world)
    ask(world)
    cluster.services = [service(world.artifact().sha256)]
    look(configured(world, cluster))
    suspensions.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=Authority.SUSPENDED,
        reason="Drift.",
        by=world.rita,
        at=later(minutes=1),
    )
    (one,) = running(later(minutes=2))
    assert (one.state, one.because) == (
        State.UNAUTHORISED,
        "The authorisation is suspended.",
    )


def test_a_permit_that_ends_while_it_runs_makes_it_stale(world, cluster):
    approved(world)
    ask(world)
    cluster.services = [service(world.artifact().sha256)]
    source = configured(world, cluster)
    look(source)
    look(source, at=later(hours=25))
    (one,) = running(later(hours=25))
    assert one.state == State.STALE
    assert "permit ended" in one.because
    end = Authorisation.objects.get().valid_until
    look(source, at=end)
    (one,) = running(end)
    assert (one.state, one.because) == (
        State.UNAUTHORISED,
        "The approval has expired.",
    )


def test_reports_are_permitted_unauthorised_stale_or_vanished(world, cluster, settings):
    version = approved(world)
    report(world, version)
    assert states() == ["unauthorised"]
    report(world, version, str(ask(world).pk), at=later(minutes=1))
    assert states(later(minutes=2)) == ["permitted"]
    settings.FREIGABE_STALE_DAYS = 1
    renewed = later(days=1, hours=1)
    log_verified(renewed)
    question = Question(
        model="mortgage-approval", version="1", environment="production"
    )
    assert gate.decide(question=question, by=world.ola, at=renewed).allowed
    assert states(renewed) == ["stale"]
    source = configured(world, cluster)
    look(source, at=renewed)
    assert states(renewed) == ["vanished"]
    cluster.services = [service(world.artifact().sha256)]
    look(source, at=renewed + (later(minutes=1) - NOW))
    (one,) = running(renewed + (later(minutes=2) - NOW))
    assert (one.state, one.witness) == (State.PERMITTED, "kubernetes")


def test_people_are_told_once_of_each_thing_that_may_not_run(world, cluster):
    approved(world)
    cluster.services = [service(ELSEWHERE, "shadow")]
    source = configured(world, cluster)
    look(source)
    by = access.system_user()
    assert reconciliation.tell_unauthorised(by=by, at=NOW) == 1
    assert reconciliation.tell_unauthorised(by=by, at=later(hours=1)) == 0
    cluster.services.append(service("b" * 64, "second"))
    look(source, at=later(hours=2))
    assert reconciliation.tell_unauthorised(by=by, at=later(hours=2)) == 1
    told = Announcement.objects.filter(kind="deployment.unauthorised")
    assert told.count() == 2
    assert told[0].notifications.filter(recipient=world.rita).exists()


def test_a_page_of_what_runs_judges_no_more_than_its_rows(world):
    version, permit_id = approved(world), str(ask(world).pk)
    for number in range(51):
        report(world, version, permit_id, source=f"jenkins-{number}")

    def asked(size):
        rows = reconciliation.worst_first([State.PERMITTED], after=None, at=NOW)
        with CaptureQueriesContext(connection) as queries:
            assert len(list(islice(rows, size))) == size
        return len(queries)

    assert asked(1) == asked(50) < asked(51)
