"""Where units come from: their own place, one place, few places, or nowhere."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from streams.domain.reference import Location, Product, Reference
from streams.domain.sourcing_choice import (
    Choice,
    Offers,
    Question,
    SourcedUnit,
    SourcingRules,
    Verdict,
    Way,
    candidates,
    choose,
    explain,
)

PLACES = {"LDN01": "GB", "MAN01": "GB", "PAR01": "FR", "NYC01": "US"}


def reference(*, disabled: str = "") -> Reference:
    known = Reference()
    for place, country in PLACES.items():
        known.put_location(
            Location(location_id=place, country=country, enabled=place != disabled)
        )
    for sku in ("TEE", "CAP", "SOCK"):
        known.put_product(Product(sku=sku))
    return known


def units(*skus: str, wish: str = "") -> tuple[SourcedUnit, ...]:
    return tuple(SourcedUnit(f"li#{i}", sku, wish) for i, sku in enumerate(skus, 1))


def question(
    wanted: tuple[SourcedUnit, ...],
    offers: Offers,
    *,
    tried: frozenset[tuple[str, str]] = frozenset(),
    preferred: dict[str, str] | None = None,
    locations: tuple[str, ...] = (),
    splits: bool = True,
    disabled: str = "",
) -> Question:
    rules = SourcingRules(
        reference=reference(disabled=disabled), locations=locations, splits=splits
    )
    return Question(
        units=wanted,
        offers=offers,
        rules=rules,
        country="GB",
        tried=tried,
        preferred=preferred,
    )


def test_the_lines_own_place_comes_first() -> None:
    offers = {"TEE": {"LDN01": 9, "PAR01": 1}}
    asked = question(units("TEE", wish="PAR01"), offers)
    assert choose(asked) == Choice(Way.WISHED, {"li#1": "PAR01"})


def test_a_place_with_too_few_is_passed_over_even_if_wished() -> None:
    offers = {"TEE": {"LDN01": 2, "PAR01": 1}}
    asked = question(units("TEE", "TEE", wish="PAR01"), offers)
    assert choose(asked) == Choice(Way.WHOLE, {"li#1": "LDN01", "li#2": "LDN01"})


def test_the_nearest_country_comes_first_where_nothing_is_configured() -> None:
    offers = {"TEE": {"PAR01": 5, "MAN01": 5, "NYC01": 5, "LDN01": 0}}
    assert choose(question(units("TEE"), offers)).places == {"li#1": "MAN01"}
    assert candidates(question(units("TEE"), offers)) == (
        "LDN01",
        "MAN01",
        "NYC01",
        "PAR01",
    )


def test_the_configured_order_is_kept_and_names_every_place_there_is() -> None:
    offers = {"TEE": {"LDN01": 5, "PAR01": 5, "NYC01": 5}}
    asked = question(units("TEE"), offers, locations=("NYC01", "PAR01"))
    assert choose(asked).places == {"li#1": "NYC01"}
    empty = question(units("TEE"), {"TEE": {"LDN01": 5}}, locations=("NYC01",))
    assert choose(empty) == Choice(Way.NOWHERE, {}, ("li#1",))


def test_one_place_for_the_whole_order_comes_before_splitting_it() -> None:
    offers = {"TEE": {"LDN01": 1, "PAR01": 1}, "CAP": {"MAN01": 1, "PAR01": 1}}
    assert choose(question(units("TEE", "CAP"), offers)) == Choice(
        Way.WHOLE, {"li#1": "PAR01", "li#2": "PAR01"}
    )


def test_an_order_is_split_over_as_few_places_as_the_choice_finds() -> None:
    offers = {
        "TEE": {"LDN01": 1, "PAR01": 1},
        "CAP": {"MAN01": 1},
        "SOCK": {"MAN01": 1, "PAR01": 1},
    }
    choice = choose(question(units("TEE", "CAP", "SOCK"), offers))
    assert choice.way == Way.SPLIT
    assert choice.places == {"li#1": "LDN01", "li#2": "MAN01", "li#3": "MAN01"}


def test_without_splitting_an_order_comes_from_one_place_or_none() -> None:
    offers = {"TEE": {"LDN01": 1}, "CAP": {"MAN01": 1}}
    choice = choose(question(units("TEE", "CAP"), offers, splits=False))
    assert choice == Choice(Way.NOWHERE, {}, ("li#1", "li#2"))


def test_lines_that_wish_for_two_places_are_not_split_where_that_is_forbidden() -> None:
    wanted = (SourcedUnit("a#1", "TEE", "LDN01"), SourcedUnit("b#1", "CAP", "MAN01"))
    offers = {"TEE": {"LDN01": 1, "MAN01": 1}, "CAP": {"MAN01": 1}}
    assert choose(question(wanted, offers)).way == Way.WISHED
    assert choose(question(wanted, offers, splits=False)).places == {
        "a#1": "MAN01",
        "b#1": "MAN01",
    }


def test_what_was_tried_is_not_tried_again() -> None:
    offers = {"TEE": {"LDN01": 9, "PAR01": 1}}
    tried = frozenset({("li#1", "LDN01")})
    asked = question(units("TEE", wish="LDN01"), offers, tried=tried)
    assert choose(asked).places == {"li#1": "PAR01"}


def test_a_disabled_place_is_not_chosen_even_if_wished() -> None:
    offers = {"TEE": {"LDN01": 9, "MAN01": 1}}
    asked = question(units("TEE", wish="LDN01"), offers, disabled="LDN01")
    assert choose(asked).places == {"li#1": "MAN01"}


def test_a_fallback_comes_before_the_rule() -> None:
    offers = {"TEE": {"LDN01": 9, "MAN01": 9, "NYC01": 9}}
    asked = question(
        units("TEE", wish="LDN01"),
        offers,
        tried=frozenset({("li#1", "LDN01")}),
        preferred={"li#1": "NYC01"},
    )
    assert choose(asked).places == {"li#1": "NYC01"}


def test_all_or_nothing_names_the_units_that_have_no_place() -> None:
    offers = {"TEE": {"LDN01": 1}, "CAP": {"MAN01": 1}}
    choice = choose(question(units("TEE", "TEE", "CAP"), offers))
    assert choice == Choice(Way.NOWHERE, {}, ("li#2",))


def test_an_explanation_shows_the_numbers_it_saw() -> None:
    offers = {"TEE": {"LDN01": 0, "MAN01": 1, "PAR01": 3, "NYC01": 5}}
    asked = question(
        units("TEE", "TEE"),
        offers,
        tried=frozenset({("li#1", "PAR01"), ("li#2", "PAR01")}),
    )
    looks = explain(asked, choose(asked))
    assert [(look.location_id, look.available, look.verdict) for look in looks] == [
        ("LDN01", 0, Verdict.NONE),
        ("MAN01", 1, Verdict.TOO_FEW),
        ("NYC01", 5, Verdict.CHOSEN),
        ("PAR01", 3, Verdict.TRIED),
    ]
    assert {look.needed for look in looks} == {2}


def test_an_explanation_says_what_is_not_offered_and_not_needed() -> None:
    offers = {"TEE": {"LDN01": 3, "MAN01": 3, "PAR01": 3}}
    asked = question(units("TEE", wish="LDN01"), offers, disabled="LDN01")
    verdicts = {
        look.location_id: look.verdict for look in explain(asked, choose(asked))
    }
    assert verdicts == {
        "LDN01": Verdict.NOT_OFFERED,
        "MAN01": Verdict.CHOSEN,
        "PAR01": Verdict.NOT_NEEDED,
    }


OFFERS = st.dictionaries(
    st.sampled_from(["TEE", "CAP"]),
    st.dictionaries(st.sampled_from(sorted(PLACES)), st.integers(-2, 4)),
)
TRIED = st.frozensets(
    st.tuples(
        st.sampled_from([f"li#{i}" for i in range(1, 6)]),
        st.sampled_from(sorted(PLACES)),
    )
)


@given(
    st.lists(st.sampled_from(["TEE", "CAP"]), min_size=1, max_size=5),
    OFFERS,
    TRIED,
    st.booleans(),
    st.sampled_from(["", "LDN01", "PAR01"]),
)
def test_a_choice_is_whole_and_takes_no_more_than_is_offered(
    skus: list[str],
    offers: Offers,
    tried: frozenset[tuple[str, str]],
    splits: bool,
    wish: str,
) -> None:
    wanted = units(*skus, wish=wish)
    asked = question(wanted, offers, tried=tried, splits=splits, disabled="NYC01")
    choice = choose(asked)
    assert choose(asked) == choice
    if choice.missing:
        assert not choice.places
        return
    taken = Counter((u.sku, choice.places[u.unit]) for u in wanted)
    assert all(offers[sku][place] >= n for (sku, place), n in taken.items())
    assert not tried.intersection(choice.places.items())
    assert "NYC01" not in choice.places.values()
    if not splits:
        assert len(set(choice.places.values())) == 1


@given(st.lists(st.sampled_from(["TEE", "CAP"]), min_size=1, max_size=5), OFFERS)
def test_with_splitting_a_place_is_found_whenever_there_is_enough_in_all(
    skus: list[str], offers: Offers
) -> None:
    choice = choose(question(units(*skus), offers))
    needed = Counter(skus)
    there = {
        sku: sum(max(0, n) for n in offers.get(sku, {}).values()) for sku in needed
    }
    assert bool(choice.missing) == any(there[sku] < n for sku, n in needed.items())
