"""The rule that says whether two accounts are the same company, and the trial of it on labelled pairs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from customers import services
from customers.duplicates import DIFFERENT, OTHER_OPERATOR, POSSIBLE, SAME, Evidence, find_twins, match
from tests.conftest import REAL_DATA
from tests.customers.test_similar_words import People, create
from tests.customers.test_status import acting

pytestmark = [pytest.mark.django_db, pytest.mark.wall]

HERE: dict[str, Any] = {"latitude": 52.5033533, "longitude": 13.3912473}
ACROSS: dict[str, Any] = {"latitude": 52.503, "longitude": 13.392}  # some 60 metres off
AFAR: dict[str, Any] = {"latitude": 52.55, "longitude": 13.39}
DOOR: dict[str, Any] = {"street": "Kantstraße", "house_number": "12a", "postcode": "10623"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bäckerei Müller", "Baeckerei Mueller"),
        ("Gasthof Weißes Roß", "Gasthaus Weisses Ross GmbH & Co. KG"),
        ("Domino’s", "Dominos Pizza"),  # noqa: RUF001 - as people type it
        ("Jadepalast", "Jade Palast"),
        ("Mercan Bistro", "Mervan Bistro"),
        ("Schlot Kunstfabrik", "Kunstfabrik Schlot"),
        ("Restaurant Siena", "Siena Restaurant & Café UG (haftungsbeschränkt)"),
        ("Diva", "Divabar"),
        ("Art's Delicatessen", "Art's Deli"),
        ("Mezze Bar MontRaw", "MontRaw"),
        ("Asia Snack", "Asia-Snack"),
    ],
)
@pytest.mark.parametrize("place", [HERE, DOOR])
def test_one_name_however_it_is_written(one: str, other: str, place: dict[str, Any]) -> None:
    """At one place; without any place it is a question only, and far away the name is somebody else's."""
    assert match(Evidence(one, **place), Evidence(other, **place)).verdict == SAME
    assert match(Evidence(other, **place), Evidence(one, **place)).verdict == SAME
    assert match(Evidence(one), Evidence(other)).verdict == POSSIBLE
    assert match(Evidence(one, **HERE), Evidence(other, **AFAR)).verdict == DIFFERENT


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Braufactum", "Aapka - Restaurant Alexanderplatz"),
        ("Restaurant Opera", "Restaurant Meteora"),
        ("Café", "Café SulReal"),
        ("Asia Snack", "Pizza Pasta"),
        ("Elemenza Coffee Roasters", "3st Coffee Roasters"),
        ("Kuchentischlerei", "Blumentischlerei"),
        ("Berlin Coffee", "Barachel Café Berlin"),
        ("!!!", "+++"),
    ],
)
def test_a_successor_is_told_as_one_and_never_as_the_same(one: str, other: str) -> None:
    """Same premises, other operator: not even with the phone that came with the house."""
    common: tuple[dict[str, Any], ...] = ({}, {"phone": "030 2312541"})
    for more in common:
        found = match(Evidence(one, **HERE, **more), Evidence(other, **HERE, **more))
        assert (found.verdict, "SAME_PLACE" in found.reasons) == (OTHER_OPERATOR, True)


def test_two_phones_speak_against_a_name_that_is_only_alike() -> None:
    """Where it is the name itself, it may have a new number."""
    one, new = Evidence("MontRaw", phone="030 2312541", **HERE), {"phone": "030 9998877", **HERE}
    assert match(one, Evidence("Mezze Bar MontRaw", **new)).verdict == POSSIBLE
    assert match(one, Evidence("Montraw Restaurant", **new)).verdict == SAME


def test_two_cuisines_of_one_quarter() -> None:
    """One word in common, which is the quarter's: a question, not an answer. Two kinds of house are soon mixed up."""
    assert match(Evidence("Pizza Kladow", **DOOR), Evidence("Asia Imbiss Kladow", **DOOR)).verdict != SAME
    assert match(Evidence("Gasthof Kladow", **DOOR), Evidence("Hotel Kladow", **DOOR)).verdict == SAME
    assert match(Evidence("Döner Time", **DOOR), Evidence("Coffee Time", **DOOR)).verdict == OTHER_OPERATOR


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ({"phone": "+49 (0)30 231 25417"}, {"phone": "030/231-25417"}, SAME),
        ({"phone": "0049 30 23125417"}, {"phone": "+493023125417"}, SAME),
        ({"phone": "030 23125"}, {"phone": "030 23125417"}, POSSIBLE),
        ({"phone": "231"}, {"phone": "231"}, POSSIBLE),
        ({"vat_id": "DE 123 456 789"}, {"vat_id": "de123456789"}, SAME),
        ({"website": "https://www.lindenhof.example/karte"}, {"email": "info@lindenhof.example"}, SAME),
        ({"email": "lindenhof@gmx.de"}, {"email": "adler@gmx.de"}, POSSIBLE),
        ({"email": "lindenhof@gmx.de"}, {"email": "Lindenhof@GMX.de"}, SAME),
        ({"website": "https://facebook.com/lindenhof"}, {"website": "https://facebook.com/adler"}, POSSIBLE),
        ({"vat_id": "DE123456789", **DOOR}, {"vat_id": "DE987654321", **DOOR}, POSSIBLE),
        (DOOR, DOOR | {"street": "Kant-Str. 12 a", "house_number": ""}, SAME),
        (DOOR, DOOR | {"house_number": "98"}, POSSIBLE),
        (DOOR, DOOR | {"house_number": "98"} | HERE, POSSIBLE),
        (DOOR | HERE, DOOR | {"house_number": "98"} | HERE, SAME),
        ({"postcode": "10623"}, {"postcode": "10623"}, SAME),
        ({"postcode": "10623"}, {"postcode": "20095"}, DIFFERENT),
        ({"city": "Köln"}, {"city": "Bonn"}, DIFFERENT),
        ({"city": "Köln", "phone": "0221 9991234"}, {"city": "Bonn", "phone": "0221 9991234"}, POSSIBLE),
        (HERE, ACROSS, SAME),
        (HERE | {"phone": "0800 1234567"}, AFAR | {"phone": "0800 1234567"}, POSSIBLE),
        ({}, {"phone": "030 23125417"}, POSSIBLE),
    ],
)
def test_what_joins_one_name(one: dict[str, Any], other: dict[str, Any], verdict: str) -> None:
    """A phone, a VAT id, a domain, a door; parts of numbers and what everybody shares join nothing."""
    found = match(Evidence("Zum Lindenhof", **one), Evidence("Lindenhof", **other))
    assert found.verdict == verdict, found


def test_the_law_joins_two_names_at_one_door_only() -> None:
    """One VAT id: the company under another name; elsewhere perhaps another of its houses."""
    one = Evidence("Lindenhof", vat_id="DE123456789", **DOOR)
    assert match(one, Evidence("Adler", vat_id="DE123456789", **DOOR)).verdict == SAME
    assert match(one, Evidence("Adler", vat_id="DE123456789", postcode="20095")).verdict == DIFFERENT
    assert match(one, Evidence("Lindenhof", vat_id="DE123456789", postcode="20095")).verdict == POSSIBLE
    assert match(one, Evidence("Krone", trading_name="Lindenhof", **DOOR)).verdict == SAME


# While typing


def test_twins_are_found_by_what_is_not_the_name(people: People) -> None:
    """Door, VAT id and domain find an account of another name; who does not see it is told of a sure one alone."""
    rep = people()
    (customer,) = create(rep, "Xaverlhof", owner=rep, vat_id="DE123456789", website="https://www.xaverlhof.example")
    with translation.override("en"), acting(rep) as scope:
        services.add_address(scope=scope, customer_id=customer.pk, values=DOOR | {"city": "Berlin"})
        by_door = find_twins(scope, Evidence("Zur Post", **DOOR))
        assert [(twin.customer.pk, twin.verdict) for twin in by_door.visible] == [(customer.pk, OTHER_OPERATOR)]
        assert by_door.visible[0].reasons == ["Same place, another operator"]
        by_law = find_twins(scope, Evidence("Zur Post", vat_id="DE 123456789", **DOOR))
        assert [(twin.customer.pk, twin.verdict) for twin in by_law.visible] == [(customer.pk, SAME)]
        by_web = find_twins(scope, Evidence("Xaverhof GmbH", email="kueche@xaverlhof.example"))
        assert [twin.reasons for twin in by_web.visible] == [["Similar name", "Same website or e-mail domain"]]
        assert find_twins(scope, Evidence("Zur Post", email="kueche@xaverlhof.example")).visible == []
    with acting(people()) as scope:
        assert find_twins(scope, Evidence("Zur Post", **DOOR)) == find_twins(scope, Evidence("Zur Post"))
        hidden = find_twins(scope, Evidence("Zur Post", vat_id="DE 123456789", **DOOR))
        assert (hidden.visible, hidden.hidden) == ([], True)


def test_of_many_of_one_name_the_one_of_this_postcode_comes_first(people: People) -> None:
    """However many branches elsewhere share the name."""
    rep = people()
    customers = create(rep, *["Asia Snack"] * 120, owner=rep)
    last = customers[-1]
    with acting(rep) as scope:
        services.add_address(scope=scope, customer_id=last.pk, values={"postcode": "10623", "city": "Berlin"})
        twins = find_twins(scope, Evidence("Asia Snack", postcode="10623")).visible
    assert (twins[0].customer.pk, twins[0].verdict, len(twins)) == (last.pk, SAME, 5)


# The trial


def trial(folder: Path, *lines: str) -> list[str]:
    """What the command prints of these lines."""
    if lines:
        (folder / "pairs.csv").write_text("\n".join(lines), encoding="utf-8")
    out = io.StringIO()
    call_command("duplicates_eval", str(folder), stdout=out)
    return out.getvalue().splitlines()


def test_a_trial_of_either_form(tmp_path: Path) -> None:
    """A false pair and a miss are printed, the unsure are not counted, ids and distances are no evidence."""
    printed = trial(
        tmp_path,
        "label,name_a,name_b,osm_id_a,osm_id_b,distance_m,lat_a,lon_a,lat_b,lon_b,relation",
        "1,Lindenhof,Gasthof Lindenhof,7,7,0,52.5,13.4,52.5,13.4,spelling",
        "0,Lindenhof,Adler,7,7,0,,,,,other",
        "0,Adler,Gasthaus Adler,1,2,9000,52.5,13.4,52.5,13.4,other",
        "1,Lindenhof,Lindenhof,7,7,0,52.5,13.4,52.9,13.4,spelling",
        "unsure,Adler,Adler,1,2,,,,,,",
    )
    assert printed[0].startswith("false pair, line 4, other: Adler | Gasthaus Adler (")
    assert printed[1].startswith("miss, line 5, spelling: Lindenhof | Lindenhof (")
    assert printed[2:] == [
        "other: 1 of 2 offered as the same company",
        "spelling: 1 of 2 offered as the same company",
        "4 pairs, precision 0.500, recall 0.500",
    ]
    printed = trial(
        tmp_path,
        "label,left_name,right_name,left_addr,right_addr,left_city,right_city,left_phone,right_phone",
        "1,cafe claude,cafe claude,7 claude la .,7 claude ln .,san francisco,san francisco,415/392-3505,415-392-3505",
        "0,teresa's,teresa's,103 1st ave.,80 montague st.,new york,queens,212/228-0604,718-520-2910",
    )
    assert printed == ["2 pairs, precision 1.000, recall 1.000"]


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ((), "pairs.csv cannot be read: No such file"),
        (("name_a,name_b", "x,y"), "lacks columns"),
        (("label,name_a,right_name", "1,x,y"), "lacks columns"),
        (("",), "lacks columns"),
        (("label,name_a,name_b", "unsure,x,y"), "no pair with label 1 or 0"),
        (("label,name_a,name_b", "yes,x,y"), "line 2: label 'yes'"),
        (("label,name_a,name_b,lat_a,lat_b", "1,x,y,north,1"), "line 2: could not convert"),
    ],
)
def test_what_is_no_trial(tmp_path: Path, lines: tuple[str, ...], refusal: str) -> None:
    """One line that says what is wrong."""
    with pytest.raises(CommandError, match=refusal) as error:
        trial(tmp_path, *lines)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("folder", "precision", "recall"), [("dedupe_berlin_gastro", 0.95, 0.9), ("dedupe_fodors_zagats", 0.95, 0.95)]
)
def test_the_real_pairs(folder: str, precision: float, recall: float) -> None:
    """Real pairs, labelled by hand and rule; no successor at the same premises is offered as the same company."""
    if not (REAL_DATA / "dedupe" / folder).is_dir():
        pytest.skip("the real pairs are not here")
    printed = trial(REAL_DATA / "dedupe" / folder)
    words = printed[-1].replace(",", "").split()
    assert float(words[3]) >= precision, printed
    assert float(words[5]) >= recall, printed
    assert not [line for line in printed if "successor_same_premises" in line and line.startswith("false")]
