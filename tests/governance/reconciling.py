"""Sources and reports in tests, and what every look at what runs must agree in."""

from governance import access, deployments, reconciliation
from governance.models import DeploymentSource, SourceRun
from governance.reconciliation import Running, State, Wish, standing
from tests.governance.sources import TOKEN
from tests.world import NOW, World


def configured(world: World, server, kind="kubernetes", **more) -> DeploymentSource:
    wish = {"name": kind, "kind": kind, "url": server.url, "secret": TOKEN, **more}
    return reconciliation.configure(
        wish=Wish(environment=world.production, **wish), by=world.ola, at=NOW
    )


def look(source: DeploymentSource, at=NOW) -> SourceRun:
    system = access.system_user()
    return reconciliation.reconcile(source=source, by=system, at=at)


def states(at=NOW) -> list[str]:
    return [one.state.value for one in running(at)]


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


def running(at=NOW) -> list[Running]:
    """Everything that runs, judged one by one; all quicker ways must agree with it."""
    sources = reconciliation.source_states()
    keys = {one.source.pk for one in sources}
    parts = (
        standing.open_sightings(keys),
        standing.newest(standing.open_cluster_sightings()),
        standing.reports(),
        standing.gone(keys, at),
    )
    rows = [row.pk for part in parts for row in part]
    found = standing.judge(rows, sources, at=at)
    wrong = [one for one in found if one.state == State.UNAUTHORISED]
    assert reconciliation.unauthorised(at=at) == wrong
    pages_agree(found, at)
    models_agree(found, at)
    return found


def pages_agree(found, at):
    """The fleet, counted and ordered by the database, is what was judged one by one."""
    fleet = reconciliation.fleet(at=at)
    for state in State:
        wanted = {one.row.pk: one for one in found if one.state == state}
        assert fleet.counts[state] == len(wanted)
        pages = [fleet.rows([state], start, 2) for start in range(0, len(wanted), 2)]
        assert {one.row.pk: one for page in pages for one in page} == wanted
    for most in range(1, len(found)):
        first = reconciliation.fleet(at=at, most=most)
        assert first.counts == fleet.counts
        assert first.rows(list(State), 0, most) == fleet.rows(list(State), 0, most)
    everything = fleet.rows(list(State), 0, len(found) + 1)
    assert [one.state for one in everything] == [one.state for one in found]
    listed = reconciliation.worst_first(list(State), after=None, at=at)
    assert list(listed) == found
    for slug in {one.environment.slug for one in found}:
        here = [one for one in found if one.environment.slug == slug]
        listed = reconciliation.worst_first(
            list(State), after=None, at=at, environment=slug
        )
        assert list(listed) == here
    for number, one in enumerate(found):
        place = reconciliation.rank(one)
        listed = reconciliation.worst_first([one.state], after=place, at=at)
        assert list(listed) == [o for o in found[number + 1 :] if o.state == one.state]


def models_agree(found, at):
    """What runs of one model is what was judged of it among everything."""
    vanished = {one.row.pk for one in found if hasattr(one.row, "end")}
    wanted: dict = {}
    for one in found:
        if one.version and one.row.pk not in vanished:
            key = (one.version.model, one.environment)
            wanted.setdefault(key, []).append(one)
    for (model, environment), rows in wanted.items():
        assert reconciliation.running_of(model, environment, at=at) == rows
