"""The inventory as a file: what the filter lets through, and no formula in it."""

import csv
import io

import pytest
from django.urls import reverse

from governance.web import exporting
from registry.models import RegisteredModel
from tests.governance.test_portfolio_pages import as_, assessed, now
from tests.world import NOW

__all__ = ["now"]


def exported(client, **query):
    answer = client.get(reverse("web:inventory_csv"), query)
    assert answer.status_code == 200
    assert answer.streaming
    text = b"".join(answer.streaming_content).decode()
    assert text[0] == "\ufeff"
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_the_file_holds_what_the_filter_lets_through_in_its_order(world):
    for number, place in enumerate([(1, 1), (4, 4), (5, 5)]):
        assessed(world, world.model(f"m-{number}", name="Über"), place, NOW)
    rows = exported(as_(world.ines), sort="-risk", band="high")
    assert [row["slug"] for row in rows] == ["m-1"]
    rows = exported(as_(world.ines), sort="-risk")
    assert [row["slug"] for row in rows] == ["m-2", "m-1", "m-0"]
    assert rows[0]["name"] == "Über"
    assert (rows[1]["tier"], rows[1]["score"], rows[1]["owner_username"]) == (
        "2",
        "16",
        "anna",
    )


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "＝", " =", "\u00a0@"]
)
def test_no_text_of_the_file_is_a_formula(world, start):
    hostile = start + 'HYPERLINK("http://evil";"click")'
    RegisteredModel.objects.filter(pk=world.model().pk).update(
        name=hostile, vendor=hostile
    )
    (row,) = exported(as_(world.ines))
    assert row["name"] == row["vendor"] == f"'{hostile}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x;=1+1;y", "x;'=1+1;y"),
        ('x; "=1+1', "x;' \"=1+1"),
        ("x\n@SUM(A1)", "x\n'@SUM(A1)"),
        ("x\t-1", "x\t'-1"),
    ],
)
def test_nor_is_a_part_behind_what_another_language_separates_cells_with(text, told):
    assert exporting.safe(text) == told


@pytest.mark.parametrize(
    "value", [5, None, "Model - 1", "a=b", "a; b - c", "", "2026-01-01"]
)
def test_what_is_no_formula_stays_as_it_is(value):
    assert exporting.safe(value) == value


def test_a_filter_that_does_not_exist_is_no_file_of_everything(world):
    world.model()
    answer = as_(world.ines).get(reverse("web:inventory_csv"), {"tier": "9"})
    assert answer.status_code == 400
    assert "Nothing was exported" in answer.content.decode()
