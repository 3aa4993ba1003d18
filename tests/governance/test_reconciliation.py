"""What runs against what may run: nothing unseen counts as nothing that runs."""

import pytest

from governance import (
    access,
    deployments,
    gate,
    reconciliation,
    sealing,
    suspensions,
    tasks,
)
from governance.gate import Question
from governance.lifecycle import State as Authority
from governance.models import (
    Announcement,
    Authorisation,
    DeploymentSource,
    Sighting,
    SourceRun,
)
from governance.reconciliation import State, Wish
from governance.records import Refused
from tests.governance.cluster import ELSEWHERE, service
from tests.governance.sources import TOKEN, Cluster, Registry
from tests.governance.test_gate import approved, ask
from tests.world import NOW, World, later, log_verified


@pytest.fixture(autouse=True)
def narrowed(monkeypatch):
    """At every look the short list of what may not run is that of the long one."""
    everything = reconciliation.running

    def compared(*, at):
        found = everything(at=at)
        wrong = [one for one in found if one.state == State.UNAUTHORISED]
        assert reconciliation.unauthorised(at=at) == wrong
        _pages_agree(found, at)
        return found

    monkeypatch.setattr(reconciliation, "running", compared)


def _pages_agree(found, at):
    """The fleet, counted and ordered by the database, is what was judged one by one."""
    fleet = reconciliation.fleet(at=at)
    for state in State:
        wanted = {one.row.pk: one for one in found if one.state == state}
        assert fleet.counts[state] == len(wanted)
        pages = [fleet.rows([state], start, 2) for start in range(0, len(wanted), 2)]
        assert {one.row.pk: one for page in pages for one in page} == wanted
    everything = fleet.rows(list(State), 0, len(found) + 1)
    assert [one.state for one in everything] == [one.state for one in found]


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.FREIGABE_SOURCES_ALLOW = ["127.0.0.0/8"]


@pytest.fixture
def cluster():
    server = Cluster()
    yield server
    server.stop()


@pytest.fixture
def registry():
    server = Registry()
    yield server
    server.stop()


def configured(world: World, server, kind="kubernetes", **more) -> DeploymentSource:
    wish = {"name": kind, "kind": kind, "url": server.url, "secret": TOKEN, **more}
    return reconciliation.configure(
        wish=Wish(environment=world.production, **wish), by=world.ola, at=NOW
    )


def look(source: DeploymentSource, at=NOW) -> SourceRun:
    system = access.system_user()
    return reconciliation.reconcile(source=source, by=system, at=at)


def states(at=NOW) -> list[str]:
    return [one.state.value for one in reconciliation.running(at=at)]


def report(world: World, version, permit_id="", at=NOW, sha256="", source="jenkins"):
    return deployments.record(
        version=version,
        environment=world.production,
        artifact_sha256=sha256 or world.artifact().sha256,
        permit_id=permit_id,
        source=source,
        by=world.ola,
        at=at,
    )


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
    by_place = {one.place: one for one in reconciliation.running(at=NOW)}
    good = by_place["models/InferenceService/good"]
    # Approved, and still nobody asked the gate.
    assert (good.state, good.version) == (State.UNAUTHORISED, version)
    assert "never permitted" in good.because
    assert ask(world).allowed
    by_place = {one.place: one for one in reconciliation.running(at=NOW)}
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
    found = {(o.place.split("/")[-1], o.state) for o in reconciliation.running(at=NOW)}
    assert ("pinned", State.UNAUTHORISED) in found
    assert ("loose", State.UNAUTHORISED) in found


def test_no_strange_object_hides_the_others(world, cluster):
    approved(world)
    ask(world)
    deep: dict = {}
    for _level in range(300):
        deep = {"a": deep, "b": [deep]} if not deep else {"a": deep}
    long = service(ELSEWHERE, "long")
    long["metadata"]["annotations"] |= {"freigabe/model": "x" * 5000}
    odd = service(ELSEWHERE, "odd\x00\ud800" + "n" * 900)
    odd["metadata"]["annotations"] = {"freigabe/artifact-sha256": "\x00"}
    cluster.services = [
        service(world.artifact().sha256, "good"),
        service(ELSEWHERE, "deep", **deep),
        long,
        odd,
        {"metadata": {"namespace": "models"}},
    ]
    source = configured(world, cluster)
    run = look(source)
    assert (run.problem, run.found >= 5) == ("", True)
    found = {one.state for one in reconciliation.running(at=NOW)}
    assert found == {State.PERMITTED, State.UNAUTHORISED}
    assert states().count("permitted") == 1
    cluster.raw = (
        200,
        b'{"kind": "InferenceServiceList", "items": [], "metadata":'
        b' {"continue": "\\ud800"}}',
    )
    assert look(source, at=later(minutes=20)).problem


def test_every_page_and_namespace_is_read(world, cluster):
    cluster.page = 2
    cluster.services = [service(f"{n:064x}", f"s{n}") for n in range(5)]
    assert look(configured(world, cluster, places=["models"])).found == 5
    assert any("continue=4" in path for path in cluster.asked)
    other = configured(world, cluster, name="other", places=["elsewhere"])
    assert look(other).found == 0


NO_LISTS = (
    (500, b"{}"),
    (403, b'{"kind": "Status"}'),
    (404, b"{}"),
    (302, b""),
    (200, b""),
    (200, b"null"),
    (200, b"[]"),
    (200, b"<html>Log in</html>"),
    (200, b"[" * 50_000),
    (200, b'{"items": []}'),
    (200, b'{"kind": "InferenceServiceList"}'),
    (200, b'{"kind": "InferenceServiceList", "items": ["x"]}'),
    (
        200,
        b'{"kind": "InferenceServiceList", "items": [],'
        b' "metadata": {"continue": "same"}}',
    ),
)


def test_an_unreachable_source_never_means_that_nothing_runs(world, cluster):
    approved(world)
    ask(world)
    cluster.services = [service(world.artifact().sha256)]
    source = configured(world, cluster)
    look(source)
    for minute, raw in enumerate(NO_LISTS, start=20):
        cluster.raw = raw
        run = look(source, at=later(minutes=minute))
        assert run.found is None, raw
        assert run.problem
    assert not Sighting.objects.filter(end__isnull=False).exists()
    assert states(later(minutes=40)) == ["permitted"]
    assert states(later(hours=1)) == ["stale"]
    assert Announcement.objects.filter(kind="source.unreachable").count() == 1


def test_a_server_that_is_gone_or_refuses_the_token_is_a_failed_look(world, cluster):
    source = configured(world, cluster, secret="wrong")
    assert "401" in look(source).problem
    reconciliation.replace_secret(source=source, secret=TOKEN, by=world.ola, at=NOW)
    source.refresh_from_db()
    assert look(source, at=later(minutes=1)).found == 0
    cluster.stop()
    assert look(source, at=later(minutes=2)).found is None


def test_aliases_of_mlflow_lead_to_files_by_tag_or_by_run(world, registry):
    approved(world)
    ask(world)
    registry.aliases = {
        ("mortgage", "champion"): "3",
        ("mortgage", "challenger"): "4",
        ("churn", "champion"): "1",
        ("fraud", "champion"): "2",
    }
    tag = {"key": "freigabe.digest", "value": f"sha256:{world.artifact().sha256}"}
    registry.versions = {
        ("mortgage", "3"): {"tags": [tag]},
        ("fraud", "2"): {"tags": [{"key": "freigabe.digest", "value": "latest"}]},
        ("churn", "1"): {"run_id": "unknown-run"},
    }
    source = configured(world, registry, kind="mlflow", places=["champion"])
    assert look(source).found == 3
    found = {one.place: one.state for one in reconciliation.running(at=NOW)}
    assert found == {
        "mortgage@champion": State.PERMITTED,
        "churn@champion": State.UNAUTHORISED,
        "fraud@champion": State.UNAUTHORISED,
    }
    registry.raw = (200, b"{}")
    assert look(source, at=later(minutes=20)).found is None


def test_an_alias_that_moves_away_leaves_something_vanished(world, registry):
    approved(world)
    ask(world)
    registry.aliases = {("mortgage", "champion"): "3"}
    tag = {"key": "freigabe.digest", "value": world.artifact().sha256}
    registry.versions = {("mortgage", "3"): {"tags": [tag]}}
    source = configured(world, registry, kind="mlflow", places=["champion"])
    look(source)
    registry.aliases = {("mortgage", "other"): "3"}
    look(source, at=later(minutes=20))
    assert states(later(minutes=20)) == ["vanished"]
    registry.aliases = {("mortgage", "champion"): "3"}
    look(source, at=later(minutes=40))
    assert states(later(minutes=40)) == ["permitted"]


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
    (one,) = reconciliation.running(at=later(minutes=2))
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
    (one,) = reconciliation.running(at=later(hours=25))
    assert one.state == State.STALE
    assert "permit ended" in one.because
    end = Authorisation.objects.get().valid_until
    look(source, at=end)
    (one,) = reconciliation.running(at=end)
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
    (one,) = reconciliation.running(at=renewed + (later(minutes=2) - NOW))
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


def test_the_clock_looks_when_it_is_time_or_when_somebody_asked(world, cluster, clock):
    cluster.services = [service(ELSEWHERE)]
    source = configured(world, cluster)
    runs = SourceRun.objects.filter(source=source)
    for at, expected in (
        (NOW, 1),
        (later(minutes=14), 1),
        (later(minutes=15), 2),
        (later(minutes=16), 2),
    ):
        clock(at)
        tasks.pull_deployments()
        assert runs.count() == expected
    reconciliation.ask(source=source, by=world.rita, at=later(minutes=17))
    clock(later(minutes=17))
    tasks.pull_deployments()
    assert runs.count() == 3
    assert Sighting.objects.count() == 1
    reconciliation.end(source=source, reason="Moved.", by=world.ola, at=NOW)
    clock(later(days=1))
    tasks.pull_deployments()
    assert runs.count() == 3
    source.refresh_from_db()
    assert source.secret == ""
    assert states(later(days=1)) == []


def test_a_look_that_began_before_the_last_one_changes_nothing(world, cluster):
    source = configured(world, cluster)
    later_run = look(source, at=later(minutes=5))
    cluster.services = [service(ELSEWHERE)]
    assert look(source, at=NOW) == later_run
    assert not Sighting.objects.exists()


def test_the_token_is_sealed_for_its_source_and_bound_to_the_key(
    world, cluster, settings
):
    source = configured(world, cluster)
    assert TOKEN not in source.secret
    assert sealing.unseal(source.secret, about=str(source.pk)) == TOKEN
    for about in ("", str(world.production.pk)):
        with pytest.raises(sealing.CannotOpen):
            sealing.unseal(source.secret, about=about)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another key"
    assert "give it anew" in look(source).problem
    settings.SECRET_KEY_FALLBACKS = [former]
    assert look(source, at=later(minutes=1)).found == 0


WRONG: tuple[tuple[str, object], ...] = (
    ("url", "http://10.0.0.1"),
    ("url", "http://169.254.169.254/latest"),
    ("url", "ftp://127.0.0.1"),
    ("url", "https://user:pass@127.0.0.1"),
    ("url", "http://127.0.0.1/?x=1"),
    ("url", "http://127.0.0.1/\r\nHost: x"),
    ("secret", "a b"),
    ("secret", "a\r\nX-Evil: 1"),
    ("secret", "ä"),
    ("certificate", "no certificate"),
    ("places", ["a", " "]),
    ("name", "Not a slug"),
    ("interval_minutes", 0),
)


def test_a_source_that_leads_elsewhere_is_refused(world, cluster):
    for field, value in WRONG:
        with pytest.raises(Refused) as refusal:
            configured(world, cluster, **{field: value})
        assert field in refusal.value.errors
    assert not DeploymentSource.objects.exists()


def test_aliases_are_named_for_mlflow(world, registry):
    with pytest.raises(Refused):
        configured(world, registry, kind="mlflow")
