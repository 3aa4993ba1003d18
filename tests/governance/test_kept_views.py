"""Views of the inventory that people keep: shown, renamed and dropped."""

import pytest
from django.urls import reverse
from django.utils.html import escape

from governance import saved_views
from governance.models import SavedView
from governance.records import Refused
from tests.governance.test_portfolio_pages import MODELS, as_, now, read
from tests.world import NOW

__all__ = ["now"]


def test_a_view_is_kept_shown_and_dropped_by_its_owner_alone(world):
    mine, other = as_(world.rita), as_(world.ines)
    query = "tier=2&columns=vendor&sort=-risk&page=7&csrfmiddlewaretoken=x"
    answer = mine.post(f"{reverse(MODELS)}?{query}", {"name": "Tier two"})
    row = SavedView.objects.get()
    assert answer.headers["Location"] == f"{reverse(MODELS)}?{row.query}"
    assert set(row.query.split("&")) == {"tier=2", "columns=vendor", "sort=-risk"}
    page = read(mine, answer.headers["Location"])
    assert 'aria-current="page">Tier two' in page
    assert "Tier two" not in read(other, reverse(MODELS))
    drop = reverse("web:drop_view", args=[row.pk])
    assert other.post(drop).status_code == 404
    assert mine.post(drop).status_code == 302
    assert mine.post(drop).status_code == 404
    read(mine, reverse(MODELS))  # says that it is dropped, once
    assert "Tier two" not in read(mine, reverse(MODELS), tier="2")


def form_of(answer, view=None):
    """The form for the name of a view, or of a new one."""
    return next(form for form in answer.context["names"] if form.view == view)


def renamed(client, view, name):
    """What is answered where a view was to be called so."""
    said = {"view": str(view.pk), "name": name}
    return client.post(f"{reverse(MODELS)}?{view.query}", said)


def test_a_view_is_renamed_by_its_owner_alone(world):
    world.model()
    mine, other = as_(world.rita), as_(world.ines)
    view = saved_views.keep(name="Tier two", query="tier=2", by=world.rita, at=NOW)
    saved_views.keep(name="Late", query="review=overdue", by=world.rita, at=NOW)
    saved_views.keep(name="Hers", query="", by=world.ines, at=NOW)
    assert f'value="{view.pk}"' in read(mine, reverse(MODELS), tier="2")
    for wrong, why in (
        (" ", "Give it a name"),
        ("x" * 81, "Give it a name"),
        ("Late", "of this name already"),
    ):
        answer = renamed(mine, view, wrong)
        assert answer.status_code == 200
        field = form_of(answer, view)["name"]
        assert why in str(field.errors)
        assert field.value() == wrong
        assert 'aria-invalid="true"' in str(field)
        assert str(field) in answer.content.decode()
    assert renamed(other, view, "Mine now").status_code == 404
    view.refresh_from_db()
    assert view.name == "Tier two"
    page = read(mine, renamed(mine, view, "Hers").headers["Location"])
    assert 'aria-current="page">Hers' in page
    assert "Tier two" not in page
    assert renamed(mine, view, "Hers").status_code == 302
    saved_views.drop(view_id=view.pk, by=world.rita, at=NOW)
    assert renamed(mine, view, "Back").status_code == 404


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("", ""),
        (" ", ""),
        ("x" * 81, ""),
        ("a\x00b", ""),
        ("a\u202eb", ""),
        ("x", "tier=9"),
        ("x", "columns=password"),
        ("x", "q=%00"),
        ("x", "q=" + "%C3%BC" * 200),
    ],
)
def test_a_view_that_cannot_be_kept_leaves_nothing(world, name, query):
    with pytest.raises(Refused):
        saved_views.keep(name=name, query=query, by=world.rita, at=NOW)
    world.model()
    answer = as_(world.rita).post(f"{reverse(MODELS)}?{query}", {"name": name})
    assert answer.status_code == 200
    assert not SavedView.objects.exists()
    form = form_of(answer)
    assert form.errors
    assert form["name"].value() == name
    assert all(
        escape(sentence) in answer.content.decode()
        for sentences in form.errors.values()
        for sentence in sentences
    )


def test_a_name_is_kept_once_and_may_be_used_again_after_dropping(world):
    first = saved_views.keep(name="Mine", query="", by=world.rita, at=NOW)
    with pytest.raises(Refused, match="already"):
        saved_views.keep(name="Mine", query="tier=1", by=world.rita, at=NOW)
    saved_views.keep(name="Mine", query="", by=world.ines, at=NOW)
    saved_views.drop(view_id=first.pk, by=world.rita, at=NOW)
    saved_views.keep(name="Mine", query="tier=1", by=world.rita, at=NOW)


def test_one_view_too_many_is_refused_beside_its_name(world):
    for number in range(saved_views.MOST):
        saved_views.keep(name=str(number), query="", by=world.rita, at=NOW)
    answer = as_(world.rita).post(f"{reverse(MODELS)}?tier=2", {"name": "Once more"})
    assert answer.status_code == 200
    field = form_of(answer)["name"]
    assert "Drop one first" in str(field.errors)
    assert field.value() == "Once more"
