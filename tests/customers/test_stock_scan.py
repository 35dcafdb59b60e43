"""The stock held against itself: what is found, what is told to whom, and that a scan goes on where it was."""

from __future__ import annotations

import pytest

from crm.core.access import activate, system_scope_for
from customers import services, stock_scan
from customers.long_work import find_duplicates
from customers.models import DuplicatePair
from jobs.kinds import Batch
from organisation.choices import Role
from organisation.models import User
from tests.customers.test_similar_words import People, create
from tests.customers.test_status import acting

pytestmark = [pytest.mark.django_db, pytest.mark.wall]


def scan(of: User) -> int:
    """All batches in turn; how many there were."""
    cursor, batches = None, 0
    while True:
        with activate(system_scope_for(of.organisation_id, job="test")) as scope:
            batch = Batch(task_id=1, parameters={}, change_set_id=None, cursor=cursor, result={}, tell=lambda *_: None)
            step = find_duplicates(scope, batch)
        cursor, batches = step.cursor, batches + 1
        if step.finished:
            return batches


def pairs() -> list[tuple[str, str, str]]:
    """Who was found with whom, and the verdict."""
    rows = DuplicatePair.objects.values_list("first__company_name", "second__company_name", "verdict")
    return sorted((str(one), str(other), str(verdict)) for one, other, verdict in rows)


@pytest.fixture
def stock(people: People) -> User:
    """Twins by place, phone and domain among others; the first of each is a rep's, the second nobody's."""
    rep = people()
    names = ["Gasthof Lindenhof", "Bäckerei Müller", "Zur Post", "Weinstube Krone"]
    mine = create(rep, *names, owner=rep)
    other = create(rep, "Hotel Lindenhof", "Backerei Mueler", "Gasthaus Zur Post", "Goldener Adler")
    with acting(people(Role.MANAGER)) as scope:
        for one in (mine[0], other[0]):
            services.add_address(scope=scope, customer_id=one.pk, values={"postcode": "10623", "city": "Berlin"})
        for one in (mine[1], other[1]):
            services.update_customer(scope=scope, customer_id=one.pk, changes={"phone": "030 23125417"})
        for one, changes in (
            (mine[2], {"website": "https://post.example"}),
            (other[2], {"email": "wirt@post.example"}),
        ):
            services.update_customer(scope=scope, customer_id=one.pk, changes=changes)
    return rep


FOUND = [
    ("Bäckerei Müller", "Backerei Mueler", "SAME"),
    ("Gasthof Lindenhof", "Hotel Lindenhof", "SAME"),
    ("Zur Post", "Gasthaus Zur Post", "SAME"),
]


def test_a_scan_finds_twins_and_forgets_what_is_none_any_more(stock: User, people: People) -> None:
    """By the same rule as the hint; found twice it is one pair; a twin with another name is none."""
    scan(stock)
    with acting(people(Role.MANAGER)) as scope:
        assert pairs() == FOUND
        first = DuplicatePair.objects.get(verdict="SAME", first__company_name="Gasthof Lindenhof").second_id
        services.update_customer(scope=scope, customer_id=first, changes={"company_name": "Schwarzes Ross"})
    scan(stock)
    with acting(people(Role.MANAGER)):
        assert pairs() == [FOUND[0], FOUND[2]]


def test_in_stretches_of_one_key(stock: User, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """However short the stretches: the same pairs."""
    monkeypatch.setattr(stock_scan, "STRETCH", 1)
    assert scan(stock) > len(stock_scan.KINDS)
    with acting(people(Role.MANAGER)):
        assert pairs() == FOUND


def test_a_pair_tells_nobody_of_a_hidden_account(stock: User, people: People) -> None:
    """The rep sees one of each pair, and so none; who sees all sees all. Nothing is found for who does not."""
    scan(stock)
    with acting(stock) as scope:
        assert pairs() == []
        assert not DuplicatePair.objects.visible_to(scope).exists()
        assert stock_scan.scan(scope, "place", "", scope.now.isoformat()) == stock_scan.Scanned("", 0)
    with acting(people(Role.MANAGER)) as scope:
        assert DuplicatePair.objects.visible_to(scope).count() == 3
