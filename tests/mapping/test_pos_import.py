"""Point-of-sale exports as NewStore events, held to a count by the csv module alone."""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.movements import Movement, MovementKind
from streams.domain.reference import Reference
from streams.mapping import pos_import
from streams.mapping.pos import IntakeRules, map_event
from streams.mapping.pos_import import (
    Columns,
    ImportedEvent,
    ImportOptions,
    ImportReport,
    UnknownColumn,
    envelopes_of,
    read_export,
    reference_csv,
)
from streams.mapping.reference_files import parse_reference

BAKERY = Columns(date="Date", time="Time", transaction="Transaction", item="Item")
OPTIONS = ImportOptions(columns=BAKERY, store="EDI01", timezone="Europe/London")

FEED = Path(
    os.environ.get(
        "ONESHELF_BREADBASKET",
        Path(__file__).parents[3] / "shared" / "data" / "breadbasket.csv",
    )
)

EXPORT = """Date,Time,Transaction,Item
2016-10-30,09:58:11,1,Bread
2016-10-30,10:05:34,2,Scandinavian
2016-10-30,10:05:34,2,Scandinavian
2016-10-30,10:07:57,3,Hot chocolate
2016-10-30,10:07:57,3,NONE
2016-10-30,10:07:57,3,Ella's Kitchen Pouches
2016-11-01,08:00:00,3,Bread
"""


def run(
    text: str, options: ImportOptions = OPTIONS
) -> tuple[list[ImportedEvent], ImportReport]:
    report = ImportReport()
    rows = read_export(io.StringIO(text, newline=""), options.columns)
    return list(envelopes_of(rows, options, report)), report


def payloads(events: Iterable[ImportedEvent]) -> list[dict[str, Any]]:
    return [json.loads(event.value)["payload"] for event in events]


def unit_ids(events: Iterable[ImportedEvent]) -> list[str]:
    return [item["id"] for payload in payloads(events) for item in payload["items"]]


def intake(events: Iterable[ImportedEvent], report: ImportReport) -> list[Movement]:
    """What intake makes of an import, with the reference data that goes with it."""
    locations, products = reference_csv(report)
    files = parse_reference(locations=locations.encode(), products=products.encode())
    assert (files.problems, files.warnings) == ((), ())
    reference = Reference()
    for location in files.locations:
        reference.put_location(location)
    for product in files.products:
        reference.put_product(product)
    movements: list[Movement] = []
    for event in events:
        answer = map_event(event.value, reference, IntakeRules())
        assert answer.reported() == []
        movements += answer.movements
    return movements


def test_a_transaction_becomes_one_order_with_one_item_for_each_unit() -> None:
    events, report = run(EXPORT)
    assert [
        [item["product_id"] for item in payload["items"]]
        for payload in payloads(events)
    ] == [
        ["Bread"],
        ["Scandinavian", "Scandinavian"],
        ["Hot chocolate", "Ella's Kitchen Pouches"],
        ["Bread"],
    ]
    assert (report.lines, report.sold, report.units) == (7, 6, 6)
    assert (report.without_item, report.refused, report.events) == (1, 0, 4)


def test_an_imported_order_is_a_store_sale_at_its_local_time() -> None:
    (event, *_), _ = run(EXPORT)
    envelope = json.loads(event.value)
    assert (envelope["tenant"], envelope["name"]) == ("import", "order.opened")
    payload = envelope["payload"]
    assert payload["id"].encode() == event.key
    assert payload["placed_at"] == "2016-10-30T09:58:11Z"
    assert (payload["channel_type"], payload["channel"]) == ("store", "EDI01")
    assert payload["items"][0]["shipping_service_level"] == "IN_STORE_HANDOVER"


def test_local_times_follow_the_shops_clock() -> None:
    text = "Date,Time,Transaction,Item\n2016-10-29,12:00:00,1,A\n"
    (event,), _ = run(text)
    assert payloads([event])[0]["placed_at"] == "2016-10-29T11:00:00Z"


def test_importing_twice_gives_the_very_same_events() -> None:
    assert run(EXPORT)[0] == run(EXPORT)[0]


def test_ids_stay_what_they_were_in_earlier_versions() -> None:
    # A change here would count a second import of the same file twice.
    events, _ = run(EXPORT)
    assert events[0].key == b"cc26376d-95cd-509e-92ab-e1d2acdb2c90"
    assert unit_ids(events)[0] == "81d7061a-ec0f-5957-9cd3-1f1dba094303"


def test_a_longer_export_repeats_the_ids_of_a_shorter_one() -> None:
    shorter = "\n".join(EXPORT.splitlines()[:5]) + "\n"
    assert set(unit_ids(run(shorter)[0])) < set(unit_ids(run(EXPORT)[0]))


def test_transaction_numbers_may_start_again_each_day() -> None:
    ids = unit_ids(run(EXPORT)[0])
    assert len(ids) == len(set(ids)) == 6


def test_an_orders_public_number_is_its_own_though_tills_begin_anew() -> None:
    events, _ = run(EXPORT)
    numbers = [payload["external_id"] for payload in payloads(events)]
    assert numbers == [
        "EDI01-2016-10-30-1",
        "EDI01-2016-10-30-2",
        "EDI01-2016-10-30-3",
        "EDI01-2016-11-01-3",
    ]


@pytest.mark.parametrize("transaction", ["A|1", "A\x7f1", "T" * 200])
def test_a_number_that_no_order_can_have_gives_way_to_the_orders_id(
    transaction: str,
) -> None:
    events, _ = run(EXPORT.replace(",1,Bread", f",{transaction},Bread"))
    payload = payloads(events)[0]
    assert payload["external_id"] == payload["id"]


def test_the_export_of_one_day_repeats_the_ids_of_the_whole() -> None:
    header, *lines = EXPORT.splitlines()
    second_day = "\n".join([header, lines[-1]]) + "\n"
    assert unit_ids(run(second_day)[0]) == unit_ids(run(EXPORT)[0])[-1:]


def test_the_lines_of_a_transaction_may_lie_apart() -> None:
    lines = EXPORT.splitlines()
    apart = "\n".join([lines[0], lines[2], lines[1], lines[3]]) + "\n"
    ids = unit_ids(run(apart)[0])
    together = "\n".join([lines[0], lines[1], lines[2], lines[3]]) + "\n"
    assert len(ids) == 3
    assert set(ids) == set(unit_ids(run(together)[0]))


def test_lines_without_an_item_keep_their_place_in_the_transaction() -> None:
    full = EXPORT.replace("3,NONE", "3,Cake")
    assert set(unit_ids(run(EXPORT)[0])) < set(unit_ids(run(full)[0]))


def test_a_quantity_makes_so_many_units() -> None:
    options = replace(OPTIONS, columns=replace(BAKERY, quantity="Qty"))
    text = (
        "Date,Time,Transaction,Item,Qty\n"
        "2016-10-30,10:00:00,1,Tea,2\n2016-10-30,10:00:00,1,Bun,1.000\n"
    )
    events, report = run(text, options)
    assert report.skus == {"Tea": 2, "Bun": 1}
    assert len(set(unit_ids(events))) == 3


def test_the_export_may_name_the_store() -> None:
    options = replace(OPTIONS, columns=replace(BAKERY, store="Shop"))
    text = (
        "Shop,Date,Time,Transaction,Item\n"
        "Leith,2016-10-30,10:00:00,1,Tea\n,2016-10-30,10:00:00,1,Tea\n"
    )
    events, report = run(text, options)
    assert report.stores == {"Leith": 1, "EDI01": 1}
    assert len({event.key for event in events}) == 2


def test_date_and_time_may_be_one_column_in_any_format() -> None:
    columns = Columns(date="When", transaction="No", item="What")
    options = replace(OPTIONS, columns=columns, date_format="%d/%m/%Y %H:%M")
    (event,), report = run("When,No,What\n30/10/2016 09:58,7,Tea\n", options)
    assert report.refused == 0
    assert payloads([event])[0]["placed_at"] == "2016-10-30T09:58:00Z"


def test_what_marks_a_line_without_an_item_is_a_setting() -> None:
    options = replace(OPTIONS, without_item=frozenset({"VOID"}))
    _, report = run(EXPORT.replace("Bread", "VOID"), options)
    assert report.without_item == 2
    assert report.skus["NONE"] == 1


def test_a_long_transaction_makes_several_events_and_loses_nothing() -> None:
    rows = "".join("2016-10-30,10:00:00,1,Tea\n" for _ in range(1_201))
    events, report = run(f"Date,Time,Transaction,Item\n{rows}")
    assert [len(payload["items"]) for payload in payloads(events)] == [500, 500, 201]
    assert len(set(unit_ids(events))) == report.units == 1_201
    assert len({event.key for event in events}) == 1


def test_an_export_may_begin_with_a_byte_order_mark_and_use_semicolons() -> None:
    text = "\ufeff" + EXPORT.replace(",", ";")
    rows = read_export(io.StringIO(text, newline=""), BAKERY, delimiter=";")
    assert len(list(envelopes_of(rows, OPTIONS, ImportReport()))) == 4


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            "2016-13-30,09:58:11,1,Tea,1,S",
            (
                'line 2, column Date: "2016-13-30 09:58:11" is not a time in the '
                "format "
                "%Y-%m-%d %H:%M:%S."
            ),
        ),
        (
            "2016-10-30,,1,Tea,1,S",
            (
                'line 2, column Date: "2016-10-30 " is not a time in the format '
                "%Y-%m-%d %H:%M:%S."
            ),
        ),
        (
            "2016-10-30,09:58:11,,Tea,1,S",
            "line 2, column Transaction: no transaction; fill it in.",
        ),
        (
            "2016-10-30,09:58:11,1,Tea,1,",
            "line 2, column Shop: no store; name one.",
        ),
        (
            f"2016-10-30,09:58:11,1,{'x' * 201},1,S",
            "line 2, column Item: over 200 characters; shorten it.",
        ),
        *(
            (
                f"2016-10-30,09:58:11,1,Tea,{quantity},S",
                (
                    f'line 2, column Qty: "{quantity}" is not a whole number of units '
                    f"from "
                    "1 to 1,000; a return is not a sale."
                ),
            )
            for quantity in ("0", "-1", "1.5", "two", "", "1001", "9999999999", "²")
        ),
    ],
)
def test_a_line_that_cannot_be_imported_is_told(row: str, sentence: str) -> None:
    options = ImportOptions(columns=replace(BAKERY, quantity="Qty", store="Shop"))
    events, report = run(f"Date,Time,Transaction,Item,Qty,Shop\n{row}\n", options)
    assert events == []
    assert [str(problem) for problem in report.problems] == [sentence]
    assert (report.lines, report.refused) == (1, 1)


def test_a_short_line_is_told() -> None:
    _, report = run("Date,Time,Transaction,Item\n2016-10-30,09:58:11\n")
    assert [problem.column for problem in report.problems] == ["Transaction"]


def test_a_bad_line_holds_up_no_other() -> None:
    events, report = run(EXPORT.replace("10:07:57,3,Hot", "25:07:57,3,Hot"))
    assert (report.refused, report.sold) == (1, 5)
    assert len(unit_ids(events)) == 5


def test_more_problems_than_one_reads_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pos_import, "PROBLEMS_MAX", 2)
    _, report = run("Date,Time,Transaction,Item\n" + "x,y,1,Tea\n" * 5)
    assert (report.refused, len(report.problems)) == (5, 2)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (
            replace(BAKERY, item="Product"),
            (
                'The file has no column "Product"; it has Date, Time, Transaction, '
                "Item; name one of those in --map."
            ),
        ),
        (
            replace(BAKERY, quantity="Qty"),
            (
                'The file has no column "Qty"; it has Date, Time, Transaction, '
                "Item; name one of those in --map."
            ),
        ),
    ],
)
def test_a_column_that_is_not_there_is_told(columns: Columns, sentence: str) -> None:
    with pytest.raises(UnknownColumn) as told:
        run(EXPORT, replace(OPTIONS, columns=columns))
    assert str(told.value) == sentence


def test_an_empty_export_has_no_columns() -> None:
    with pytest.raises(UnknownColumn, match="it has none"):
        run("")


@pytest.mark.parametrize(("store", "key"), [("EDI01", "EDI01"), ("a_b-c", "a_b-c")])
def test_a_stores_name_is_its_channel_key_if_it_can_be(store: str, key: str) -> None:
    _, report = run(EXPORT, replace(OPTIONS, store=store))
    row = next(csv.DictReader(io.StringIO(reference_csv(report)[0])))
    assert (row["location_id"], row["commercetools_channel_key"]) == (store, key)


def test_stores_that_differ_only_in_signs_have_channel_keys_of_their_own() -> None:
    report = ImportReport(stores={"A&B": 1, "A/B": 1, "A-B": 1, "Ä": 1, "x": 1})
    locations, products = reference_csv(report)
    files = parse_reference(locations=locations.encode(), products=products.encode())
    assert files.problems == ()
    assert len({row.commercetools_channel_key for row in files.locations}) == 5


def test_intake_understands_every_imported_event() -> None:
    movements = intake(*run(EXPORT))
    assert {movement.kind for movement in movements} == {MovementKind.SALE}
    assert Counter(movement.sku for movement in movements) == {
        "Bread": 2,
        "Scandinavian": 2,
        "Hot chocolate": 1,
        "Ella's Kitchen Pouches": 1,
    }


ITEMS = st.sampled_from(["Bread", "Tea", "Jammie Dodgers", "NONE", "Café ☕", "a, b"])


@given(st.lists(st.tuples(st.integers(1, 5), ITEMS), max_size=30))
def test_totals_equal_an_independent_count(sales: list[tuple[int, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Date", "Time", "Transaction", "Item"])
    writer.writerows(["2016-10-30", "09:58:11", number, item] for number, item in sales)
    check_totals(*run(text.getvalue()), text.getvalue())


def check_totals(events: list[ImportedEvent], report: ImportReport, text: str) -> None:
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    # Spaces around a name are not part of it: the real feed has `Coffee granules `.
    names = (row["Item"].strip() for row in rows)
    expected = Counter(name for name in names if name != "NONE")
    movements = intake(events, report)
    assert Counter(movement.sku for movement in movements) == expected
    assert len({movement.movement_id for movement in movements}) == expected.total()
    assert report.skus == expected
    assert report.lines == len(rows)
    assert report.lines == report.sold + report.without_item + report.refused


def test_a_season_of_a_bakery_is_imported_to_the_unit() -> None:
    """The real feed where there is one beside the checkout, else one of its shape."""
    if FEED.exists():
        text = FEED.read_text(encoding="utf-8")
    else:
        days = [
            (f"2016-11-{day:02}", hour) for day in range(1, 29) for hour in range(9, 17)
        ]
        names = ["Coffee", "Bread", "NONE", "Tea", "Medialuna", "Coffee"]
        text = "Date,Time,Transaction,Item\n" + "".join(
            f"{date},{hour:02}:{line:02}:00,{number},{names[(number + line) % 6]}\n"
            for number, (date, hour) in enumerate(days)
            for line in range(1 + number % 4)
        )
    events, report = run(text)
    assert report.refused == 0
    check_totals(events, report, text)
