"""Two people change one inventory record at a time: nobody undoes the other's work."""

import pytest
from django.test import Client
from django.urls import reverse

from governance import registration
from tests.governance.filled import filled
from tests.world import later

TEXT = "One line.\nAnother line.\n"


@pytest.fixture
def model(world):
    """A model as a pipeline registers one: with line ends of its own."""
    return world.model(purpose=TEXT, limitations="None known.")


@pytest.fixture
def page(world, model):
    """Anna's page of the record, open."""
    return Page(world, model)


class Page:
    """A page that somebody opened, and what the browser would send of it."""

    def __init__(self, world, model):
        self.browser, self.model = Client(), model
        self.browser.force_login(world.anna)
        self.address = reverse("web:edit_model", args=[model.slug])
        self.fields = filled(self.browser.get(self.address).content.decode(), "purpose")

    def save(self, **fields):
        """Send it with other values; what the page says if it is shown again."""
        answer = self.browser.post(self.address, {**self.fields, **fields})
        self.model.refresh_from_db()
        if answer.status_code == 302:
            return ""
        text = answer.content.decode()
        self.fields = filled(text, "purpose")
        return text


def meanwhile(world, model, **inventory):
    registration.change_inventory(model=model, by=world.rita, at=later(), **inventory)


def test_what_nobody_touched_is_not_changed(page, model):
    assert page.save(vendor="Acme") == ""
    assert (model.purpose, model.vendor) == (TEXT, "Acme")


def test_what_somebody_else_changed_meanwhile_stays(page, world, model):
    meanwhile(world, model, purpose="Narrower.", personal_data=False)
    assert page.save(limitations="Not for firms.") == ""
    assert (model.purpose, model.personal_data) == ("Narrower.", False)
    assert model.limitations == "Not for firms."


def test_the_same_field_is_not_replaced_unseen(page, world, model):
    meanwhile(world, model, limitations="Not for <b>farms</b>.", validator=world.vera)
    wanted = {"limitations": "Not for firms.", "validator": str(world.eva.pk)}
    said = page.save(**wanted)
    assert "Not for &lt;b&gt;farms&lt;/b&gt;." in said
    assert world.vera.printed_name in said
    assert model.limitations == "Not for <b>farms</b>."
    assert model.validator == world.vera
    assert page.fields["limitations"] == "Not for firms."
    # Who read what the other wrote, and saves again, puts theirs in its place.
    assert page.save() == ""
    assert model.limitations == "Not for firms."
    assert model.validator == world.eva
