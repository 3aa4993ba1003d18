"""Looks at clusters and registries: all of the answer, or nothing is known."""

import pytest

from governance import reconciliation, sealing, tasks
from governance.models import Announcement, DeploymentSource, Sighting, SourceRun
from governance.reconciliation import State
from governance.records import Refused
from tests.governance.cluster import ELSEWHERE, service
from tests.governance.reconciling import configured, look, running, states
from tests.governance.sources import TOKEN
from tests.governance.test_gate import approved, ask
from tests.world import NOW, later


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
    found = {one.state for one in running()}
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
    found = {one.place: one.state for one in running()}
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
