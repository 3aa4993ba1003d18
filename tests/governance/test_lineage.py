"""What pipelines report of their runs: kept as said, joined where it is certain."""

import uuid
from datetime import timedelta

import pytest

from governance import access, datasets, roles
from governance.ingest import joining, openlineage, receiving
from governance.models import LineageEvent, LineageName
from registry import lineage, tracing
from registry.models import DatasetVersion, Role, Run, RunLink, Scope
from tests.governance.lineage_stage import RUN, event, file_of, model, named
from tests.world import NOW, later

State = LineageName.State
DIGEST = "ab" * 32


def received(world, *events, by=None, at=NOW) -> list[LineageEvent]:
    told = [openlineage.read(one) for one in events]
    return receiving.receive(events=told, by=by or world.ben, at=at)


def joined(at=NOW) -> list[str]:
    """What each name became, after the worker ran."""
    while joining.join_next(by=access.system_user(), at=at):
        pass
    return [row.state for row in LineageName.objects.order_by("side", "name")]


@pytest.fixture
def trained(world):
    """A version and data that are registered, without a word of their lineage."""
    return world.version(world.model()), world.data()


def ours(data: DatasetVersion, version="", sha256="", uri=""):
    version = version or str(data.version)
    return named("datasets://freigabe", data.dataset.slug, version, sha256, uri)


def test_a_completed_run_becomes_a_run_with_what_it_read_and_wrote(world, trained):
    version, data = trained
    received(world, event("START", [ours(data)]))
    assert joined() == [State.WAITING]
    received(world, event("COMPLETE", [ours(data)], [model()], at=later(minutes=5)))
    assert joined() == [State.JOINED] * 3
    run = Run.objects.get()
    assert (run.name, run.reported_id, run.run_by) == (
        "ml/train.credit",
        RUN,
        world.ben,
    )
    assert run.code_repository == "https://git.example/x"
    assert run.code_commit == "4f1c2a90b7de"
    read, wrote = RunLink.objects.order_by("side")
    assert (read.side, read.dataset_version) == ("input", data)
    assert (wrote.side, wrote.version) == ("output", version)


def test_it_is_drawn_beside_the_manifest_and_changes_nothing_of_it(world, trained):
    version, data = trained
    before = (version.manifest, version.version_datasets.count())
    received(world, event(inputs=[ours(data)], outputs=[model()]))
    joined()
    for graph in (
        lineage.of_version(version),
        tracing.of_version(version).graph,
        tracing.of_dataset(data.dataset, data.version).graph,
    ):
        assert {node.kind for node in graph.nodes} == {"version", "run", "dataset"}
        assert {edge.verb for edge in graph.edges} == {
            "reported as read",
            "reported as written",
        }
    version.refresh_from_db()
    assert (version.manifest, version.version_datasets.count()) == before
    assert version.run is None


@pytest.mark.parametrize("kind", ["START", "RUNNING", "FAIL", "ABORT", "OTHER"])
def test_a_run_that_has_not_completed_is_joined_to_nothing(world, trained, kind):
    received(world, event(kind, [ours(trained[1])], [model()]))
    assert set(joined()) == {State.WAITING}
    assert not Run.objects.exists()


def test_somebody_elses_completion_completes_no_run_of_mine(world, trained):
    received(world, event("START", outputs=[model()]), by=world.ben)
    received(world, event("COMPLETE"), by=world.ola)
    assert joined() == [State.WAITING]
    received(world, event("COMPLETE", outputs=[model()]), by=world.ola)
    assert joined().count(State.JOINED) == 1
    assert Run.objects.get().run_by == world.ola


def test_the_same_event_is_one_event_however_it_is_written(world, trained):
    first = event(outputs=[model()])
    again = dict(reversed(list(first.items())))
    one, two = received(world, first, again)
    (three,) = received(world, first, at=later(minutes=1))
    assert one.pk == two.pk == three.pk
    assert (LineageEvent.objects.count(), LineageName.objects.count()) == (1, 1)
    other = event(outputs=[model()], producer="https://example.org/other")
    assert received(world, other)[0].pk != one.pk
    assert received(world, first, by=world.ola)[0].pk != one.pk


def test_a_name_waits_until_what_it_names_is_registered(world):
    received(world, event(inputs=[named("s3://b", "train.parquet")], outputs=[model()]))
    assert set(joined()) == {State.WAITING}
    made = world.version(world.model())
    assert sorted(joined()) == [State.JOINED, State.WAITING]
    dataset = datasets.register(slug="train", name="Train", by=world.ben, at=NOW)
    datasets.point_at(
        dataset=dataset, uri="s3://b/train.parquet", sha256=DIGEST, by=world.ben, at=NOW
    )
    assert set(joined()) == {State.JOINED}
    assert [node.name for node in lineage.of_version(made).nodes if node.kind != "run"]


def test_after_ninety_days_nothing_waits_any_more(world):
    received(world, event(outputs=[model()]))
    world.version(world.model())
    assert joined(later(days=91)) == [State.WAITING]
    assert joined(later(days=89)) == [State.JOINED]


def only(because: str) -> None:
    row = LineageName.objects.get()
    assert (row.state, row.link) == (State.REFUSED, None)
    assert because in row.because
    assert not RunLink.objects.exists()


def test_a_digest_that_contradicts_joins_nothing(world, trained):
    received(world, event(outputs=[model("1", DIGEST)]))
    assert joined() == [State.REFUSED]
    only("digest or version")


def test_a_version_that_is_not_registered_yet_is_waited_for_whatever_its_file(
    world, trained
):
    received(world, event(outputs=[model("2", file_of(trained[0]))]))
    assert joined() == [State.WAITING]
    world.version(trained[0].model, "2")
    assert joined() == [State.JOINED]


def test_a_digest_alone_names_the_version(world, trained):
    received(world, event(outputs=[model("", f"sha256:{file_of(trained[0])}")]))
    assert joined() == [State.JOINED]


def test_a_digest_that_two_versions_share_names_neither(world, trained):
    world.version(trained[0].model, "2")
    received(world, event(outputs=[model("", file_of(trained[0]))]))
    assert joined() == [State.REFUSED]
    only("Several versions fit")


def test_a_model_without_version_or_digest_names_no_version(world, trained):
    received(world, event(outputs=[model("")]))
    assert joined() == [State.WAITING]


def test_an_address_with_two_states_names_neither_without_a_digest(world):
    dataset = datasets.register(slug="train", name="Train", by=world.ben, at=NOW)
    for digest in (DIGEST, "cd" * 32):
        datasets.point_at(
            dataset=dataset, uri="s3://b/x", sha256=digest, by=world.ben, at=NOW
        )
    received(world, event(inputs=[named("s3://b/", "/x")]))
    assert joined() == [State.REFUSED]
    only("Several versions fit")
    received(
        world, event(inputs=[named("s3://b", "x", sha256=DIGEST)], run=uuid.uuid4())
    )
    assert joined().count(State.JOINED) == 1
    assert RunLink.objects.get().dataset_version.sha256 == DIGEST


def test_a_new_state_of_registered_data_is_registered_by_its_digest(world):
    dataset = datasets.register(slug="train", name="Train", by=world.ben, at=NOW)
    said = named("datasets://x", "train", sha256=DIGEST, uri="s3://b/train-1.csv")
    received(world, event(outputs=[said]))
    assert joined() == [State.JOINED]
    made = dataset.versions.get()
    assert (made.uri, made.sha256) == ("s3://b/train-1.csv", DIGEST)
    assert made.registered_by == world.ben
    received(world, event(inputs=[said], run=uuid.uuid4()))
    assert joined() == [State.JOINED] * 2
    assert dataset.versions.count() == 1


def test_whoever_may_not_register_data_makes_no_state_of_it(world):
    datasets.register(slug="train", name="Train", by=world.ben, at=NOW)
    received(
        world,
        event(outputs=[named("datasets://x", "train", sha256=DIGEST)]),
        by=world.ola,
    )
    assert joined() == [State.REFUSED]
    only("may not register data sets")
    assert not DatasetVersion.objects.exists()


def test_a_token_speaks_of_its_own_models_alone(world, trained):
    world.ben.scope = Scope("credit-*")
    received(world, event(outputs=[model()]))
    world.ben.scope = None
    assert joined() == [State.REFUSED]
    only("for the models credit-*")


def test_who_may_not_report_keeps_nothing(world):
    with pytest.raises(roles.NotAllowed):
        received(world, event(), by=world.rita)
    assert not LineageEvent.objects.exists()


def test_events_of_jobs_and_data_sets_are_kept_and_name_no_run(world):
    one = named("s3://b", "x")
    job = event(inputs=[one])
    for name in ("run", "eventType"):
        del job[name]
    job["schemaURL"] = job["schemaURL"].replace("RunEvent", "JobEvent")
    data = {k: v for k, v in job.items() if k not in ("job", "inputs", "outputs")}
    data |= {"dataset": one, "schemaURL": job["schemaURL"].replace("Job", "Dataset")}
    rows = received(world, job, data)
    assert [row.kind for row in rows] == ["job", "dataset"]
    assert not LineageName.objects.exists()
    assert rows[0].document.startswith('{"eventTime":')


def test_many_names_of_many_runs_are_joined_without_one_query_each(
    world, trained, django_assert_max_num_queries
):
    outputs = [named("s3://elsewhere", f"{index}") for index in range(300)]
    received(world, event(outputs=outputs))
    with django_assert_max_num_queries(12):
        assert joining.join_next(by=access.system_user(), at=NOW) == 0


def test_the_day_a_token_ends_takes_back_nothing_it_said(world, trained):
    _token, secret = access.issue_token(
        name="trainer", role=Role.CI, by=access.system_user(), at=NOW, days=1
    )
    by = access.authenticate(secret, at=NOW)
    received(world, event(outputs=[model()]), by=by)
    assert joined(NOW + timedelta(days=2)) == [State.JOINED]
