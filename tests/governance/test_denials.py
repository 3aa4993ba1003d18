"""Why the gate denied: what was seen, who does what next, and where."""

from urllib.parse import urlencode

from django.urls import reverse

from governance import gate, policy
from tests.governance.test_pages_log import as_
from tests.world import NOW


def denied(world, **asked):
    question = gate.Question(environment="production", **asked)
    return gate.decide(question=question, by=world.anna, at=NOW)


def test_every_check_that_denied_says_who_acts_where(world):
    version = world.version(world.model())
    row = denied(world, model=version.model.slug, version=version.version)
    page = as_(world.ben).get(reverse("web:decision", args=[row.pk])).content.decode()
    assert "Why it was denied" in page
    blocking = [check for check in row.checks if not check["passed"]]
    reasons = page.split("Why it was denied")[1].split("What would it answer now?")[0]
    for check in blocking:
        if check["severity"] != "warn":
            assert f"<code>{check['requirement']}</code>" in reasons
    assert "The owner, Anna Lindqvist" in reasons
    where = reverse("web:version", args=[version.model.slug, version.version])
    assert f'<a href="{where}">' in reasons
    again = page.split("What would it answer now?")[0].rpartition('href="')[2]
    rehearsal = again.split('"')[0].replace("&amp;", "&")
    assert "It would deny." in as_(world.ben).get(rehearsal).content.decode()


def test_a_version_that_nobody_registered_leads_to_the_models(world):
    row = denied(world, model="nobody", version="1")
    page = as_(world.ben).get(reverse("web:decision", args=[row.pk])).content.decode()
    assert "The pipeline, or a developer" in page
    assert f'<a href="{reverse("web:inventory")}">' in page


def test_the_answer_names_the_page_that_explains_it(world, caller):
    version = world.version(world.model())
    client = caller(user="anna")
    asked = {
        "model": version.model.slug,
        "version": version.version,
        "environment": "production",
    }
    body = client.get(f"gate?{urlencode(asked)}").json()
    page = reverse("web:decision", args=[body["decision_id"]])
    assert body["page"] == f"http://testserver{page}"
    text = client.get(f"gate?{urlencode(asked)}&format=text").content.decode()
    assert text.splitlines()[-1].startswith("Page: http://testserver/gate/")


def test_a_denial_that_was_kept_in_english_is_read_in_german(world):
    version = world.version(world.model())
    row = denied(world, model=version.model.slug, version=version.version)
    assert "The version is approved" in {check["title"] for check in row.checks}
    address = reverse("web:decision", args=[row.pk])
    page = as_(world.ben).get(address, headers={"accept-language": "de"})
    assert f"<title>{version}: verweigert" in page.content.decode()
    reasons = page.content.decode().split("Warum abgelehnt wurde")[1]
    assert "<strong>Die Version ist freigegeben</strong>" in reasons
    assert "<dd>Nur freigegebene Versionen dürfen laufen.</dd>" in reasons
    assert "<strong>Gleiche Chance auf ein günstiges Ergebnis</strong>" in reasons
    assert "erhalten das günstige Ergebnis mit ähnlichen Raten" in reasons
    assert "Equal chance" not in page.content.decode()
    home = as_(world.ben).get("/", headers={"accept-language": "de"}).content.decode()
    rules = policy.parse(policy.FIRST_POLICY.read_text("utf-8")).rules
    german = {rule.id: rule.titles["de"] for rule in rules}
    first = next(
        check["requirement"]
        for check in row.checks
        if not check["passed"] and check["requirement"] in german
    )
    assert f"<small>{german[first]}: " in home
