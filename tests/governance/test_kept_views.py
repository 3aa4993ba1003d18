"""Views of the inventory that people keep: shown, renamed and dropped."""

import pytest
from django.urls import reverse

from governance import saved_views
from governance.models import SavedView
from governance.records import Refused
from tests.governance.test_portfolio_pages import MODELS, as_, now, read
from tests.world import NOW

__all__ = ["now"]


def test_a_view_is_kept_shown_and_dropped_by_its_owner_alone(world):
    mine, other = as_(world.rita), as_(world.ines)
    query = "tier=2&columns=vendor&sort=-risk&page=7&csrfmiddlewaretoken=x"
    answer = mine.post(reverse("web:keep_view"), {"name": "Tier two", "query": query})
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


def renamed(client, view, name) -> str:
    """What the page says after a view was to be called so."""
    answer = client.post(reverse("web:rename_view", args=[view.pk]), {"name": name})
    assert answer.headers["Location"] == f"{reverse(MODELS)}?{view.query}"
    return read(client, answer.headers["Location"])


def test_a_view_is_renamed_by_its_owner_alone(world):
    world.model()
    mine, other = as_(world.rita), as_(world.ines)
    view = saved_views.keep(name="Tier two", query="tier=2", by=world.rita, at=NOW)
    saved_views.keep(name="Late", query="review=overdue", by=world.rita, at=NOW)
    saved_views.keep(name="Hers", query="", by=world.ines, at=NOW)
    address = reverse("web:rename_view", args=[view.pk])
    assert f'action="{address}"' in read(mine, reverse(MODELS), tier="2")
    assert "Give it a name" in renamed(mine, view, " ")
    assert "Give it a name" in renamed(mine, view, "x" * 81)
    assert "of this name already" in renamed(mine, view, " Late ")
    assert other.post(address, {"name": "Mine now"}).status_code == 404
    view.refresh_from_db()
    assert view.name == "Tier two"
    page = renamed(mine, view, "Hers")
    assert 'aria-current="page">Hers' in page
    assert "Tier two" not in page
    assert "Hers" in renamed(mine, view, "Hers")
    saved_views.drop(view_id=view.pk, by=world.rita, at=NOW)
    assert mine.post(address, {"name": "Back"}).status_code == 404


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
    answer = as_(world.rita).post(
        reverse("web:keep_view"), {"name": name, "query": query}
    )
    assert answer.status_code == 302
    assert not SavedView.objects.exists()


def test_a_name_is_kept_once_and_may_be_used_again_after_dropping(world):
    first = saved_views.keep(name="Mine", query="", by=world.rita, at=NOW)
    with pytest.raises(Refused, match="already"):
        saved_views.keep(name="Mine", query="tier=1", by=world.rita, at=NOW)
    saved_views.keep(name="Mine", query="", by=world.ines, at=NOW)
    saved_views.drop(view_id=first.pk, by=world.rita, at=NOW)
    saved_views.keep(name="Mine", query="tier=1", by=world.rita, at=NOW)
