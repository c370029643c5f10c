"""locations.csv, products.csv and adjustments.csv, and what is said of bad ones."""

import pytest

from streams.domain.adjustments import AdjustmentRule
from streams.domain.movements import Outside, Pool
from streams.domain.reference import Location, Product
from streams.mapping.reference_files import (
    LOCATION_COLUMNS,
    PRODUCT_COLUMNS,
    ReferenceFiles,
    parse_reference,
)

LOCATIONS = ",".join(LOCATION_COLUMNS) + (
    "\nLDN01,London,store,7d1e,NODE-L1,ldn01,100,100D,Europe/London,GBP,GB,yes,2,DC01,"
    "true\nDC01,Warehouse,dc,,,dc01,,,UTC,,,,,,\n"
)
PRODUCTS = "sku,newstore_product_id,name,safety_stock,enabled\nTEE,NS-1,Tee,,yes\n"


def parse(
    locations: str | bytes = LOCATIONS,
    products: str | bytes = PRODUCTS,
    adjustments: str | None = None,
) -> ReferenceFiles:
    def as_bytes(text: str | bytes) -> bytes:
        return text.encode() if isinstance(text, str) else text

    return parse_reference(
        locations=as_bytes(locations),
        products=as_bytes(products),
        adjustments=None if adjustments is None else adjustments.encode(),
    )


def test_all_columns_of_the_files_are_read() -> None:
    found = parse()
    assert found.problems == found.warnings == ()
    assert found.locations == (
        Location(
            location_id="LDN01",
            label="London",
            newstore_store_id="7d1e",
            newstore_node_id="NODE-L1",
            commercetools_channel_key="ldn01",
            erp_location="100",
            erp_damaged_location="100D",
            timezone="Europe/London",
            currency="GBP",
            country="GB",
            tax_included=True,
            safety_stock=2,
            fallback_location_id="DC01",
        ),
        Location(
            location_id="DC01",
            label="Warehouse",
            type="dc",
            commercetools_channel_key="dc01",
        ),
    )
    assert found.products == (
        Product(sku="TEE", newstore_product_id="NS-1", name="Tee"),
    )


def test_columns_may_stand_in_any_order_and_be_left_out() -> None:
    found = parse("enabled,location_id\nno,A\n", "sku\nTEE\n")
    assert found.locations == (Location(location_id="A", enabled=False),)
    assert found.products == (Product(sku="TEE"),)


def test_a_products_own_buffer_may_be_nothing_at_all() -> None:
    found = parse(products="sku,safety_stock\nA,0\nB,\nC,1000000\n")
    assert [product.safety_stock for product in found.products] == [0, None, 1_000_000]


@pytest.mark.parametrize("word", ["true", "TRUE", "Yes", "1"])
def test_yes_may_be_said_in_several_ways(word: str) -> None:
    assert parse(products=f"sku,enabled\nA,{word}\n").products[0].enabled


@pytest.mark.parametrize("word", ["false", "False", "NO", "0"])
def test_no_may_be_said_in_several_ways(word: str) -> None:
    assert not parse(products=f"sku,enabled\nA,{word}\n").products[0].enabled


def test_a_byte_order_mark_and_windows_lines_do_no_harm() -> None:
    found = parse(products=b"\xef\xbb\xbfsku,name\r\nTEE,Tee\r\n\r\n , \r\n")
    assert found.products == (Product(sku="TEE", name="Tee"),)


def test_cells_may_hold_commas_quotes_and_lines() -> None:
    found = parse(products='sku,name\nA,"Tee, ""black""\nlong"\nB,Mug\n')
    assert [product.name for product in found.products] == ['Tee, "black"\nlong', "Mug"]


def test_spaces_around_cells_are_dropped() -> None:
    assert parse(products=" sku , name \n A , Tee \n").products == (
        Product(sku="A", name="Tee"),
    )


def test_an_unknown_column_is_a_warning_with_a_guess() -> None:
    found = parse(products="sku,safty_stock,colour\nTEE,1,red\n")
    assert found.products == (Product(sku="TEE"),)
    assert [str(warning) for warning in found.warnings] == [
        (
            "products.csv line 1, column safty_stock: the column is not known and "
            "ignored; did you mean safety_stock?"
        ),
        "products.csv line 1, column colour: the column is not known and ignored.",
    ]


def test_files_with_a_header_alone_are_empty_not_wrong() -> None:
    found = parse("location_id\n", "sku\n")
    assert found == ReferenceFiles()


LOCATION_CASES = {
    "an empty file": (
        "",
        f"line 1: the file is empty; begin with {','.join(LOCATION_COLUMNS)}.",
    ),
    "no ids": (
        "label\nLondon\n",
        "line 1, column location_id: the column is missing; add it.",
    ),
    "semicolons": (
        "location_id;label\nA;London\n",
        (
            "line 1, column location_id: the column is missing; add it. Columns are "
            "separated by semicolons; save with commas."
        ),
    ),
    "a column twice": (
        "location_id,label,label\nA,x,y\n",
        "line 1, column label: the column is there twice; remove one.",
    ),
    "too many cells": (
        "location_id,label\nA,London, Carnaby Street\n",
        "line 2: has 3 cells, the header has 2; put text with commas in double quotes.",
    ),
    "too few cells": (
        "location_id,label\nA\n",
        "line 2: has 1 cells, the header has 2; put text with commas in double quotes.",
    ),
    "an open quote": (
        'location_id,label\nA,"London\n',
        "line 3: not CSV (unexpected end of data); check the quotes.",
    ),
    "a NUL": (
        "location_id\nA\x00\n",
        "line 2: has a NUL character; save the file as CSV UTF-8.",
    ),
    "no id": (
        "location_id,label\n,London\n",
        "line 2, column location_id: the cell is empty; every row needs it.",
    ),
    "an id that would break a key": (
        "location_id\nA|B\n",
        'line 2, column location_id: "A|B" has a | or a control character; remove it.',
    ),
    "an endless id": (
        f"location_id\n{'x' * 201}\n",
        "line 2, column location_id: has 201 characters, at most 200 are possible.",
    ),
    "an id twice": (
        "location_id\nA\nB\nA\n",
        (
            'line 4, column location_id: "A" is in line 2 already (column '
            "location_id); a "
            "location_id stands for one location."
        ),
    ),
    "a type that is none": (
        "location_id,type\nA,kiosk\n",
        'line 2, column type: "kiosk" is not one of store, dc, warehouse, virtual.',
    ),
    "one NewStore id for two locations": (
        "location_id,newstore_node_id\nA,N\nB,N\n",
        (
            'line 3, column newstore_node_id: "N" is in line 2 already (column '
            "newstore_node_id); NewStore's ids must lead to one location."
        ),
    ),
    "one NewStore id in two columns": (
        "location_id,newstore_node_id,newstore_store_id\nA,N,\nB,,N\n",
        (
            'line 3, column newstore_store_id: "N" is in line 2 already (column '
            "newstore_node_id); NewStore's ids must lead to one location."
        ),
    ),
    "a NewStore id that is another's id": (
        "location_id,newstore_node_id\nA,B\nB,\n",
        (
            'line 3, column location_id: "B" is in line 2 already (column '
            "newstore_node_id); NewStore's ids must lead to one location."
        ),
    ),
    "one channel for two locations": (
        "location_id,commercetools_channel_key\nA,web\nB,web\n",
        (
            'line 3, column commercetools_channel_key: "web" is in line 2 already '
            "(column "
            "commercetools_channel_key); each location needs a channel of its own."
        ),
    ),
    "a channel key that commercetools refuses": (
        "location_id,commercetools_channel_key\nA,London 1\n",
        (
            'line 2, column commercetools_channel_key: "London 1" does not fit; write '
            "2 "
            "to 256 letters, digits, _ or -."
        ),
    ),
    "a currency that is none": (
        "location_id,currency\nA,pound\n",
        'line 2, column currency: "pound" does not fit; write a code such as GBP.',
    ),
    "a country that is none": (
        "location_id,country\nA,England\n",
        'line 2, column country: "England" does not fit; write a code such as GB.',
    ),
    "a time zone that is none": (
        "location_id,timezone\nA,Europe/Londn\n",
        (
            'line 2, column timezone: "Europe/Londn" is not a time zone; write a name '
            "such as Europe/London."
        ),
    ),
    "a time zone that is a path": (
        "location_id,timezone\nA,../etc\n",
        (
            'line 2, column timezone: "../etc" is not a time zone; write a name such '
            "as "
            "Europe/London."
        ),
    ),
    "neither yes nor no": (
        "location_id,enabled\nA,maybe\n",
        'line 2, column enabled: "maybe" is neither yes nor no; write true or false.',
    ),
    "a buffer in words": (
        "location_id,safety_stock\nA,two\n",
        (
            'line 2, column safety_stock: "two" is not a whole number from 0 to '
            "1,000,000 "
            "units."
        ),
    ),
    "a buffer below nothing": (
        "location_id,safety_stock\nA,-1\n",
        (
            'line 2, column safety_stock: "-1" is not a whole number from 0 to '
            "1,000,000 "
            "units."
        ),
    ),
    "a buffer above all stock": (
        "location_id,safety_stock\nA,1000001\n",
        (
            'line 2, column safety_stock: "1000001" is not a whole number from 0 to '
            "1,000,000 units."
        ),
    ),
    "half a unit": (
        "location_id,safety_stock\nA,0.5\n",
        (
            'line 2, column safety_stock: "0.5" is not a whole number from 0 to '
            "1,000,000 "
            "units."
        ),
    ),
    "a fall-back that is not there": (
        "location_id,fallback_location_id\nA,B\n",
        (
            'line 2, column fallback_location_id: "B" is not a location_id of this '
            "file; "
            "add it or leave the cell empty."
        ),
    ),
    "a fall-back to itself": (
        "location_id,fallback_location_id\nA,A\n",
        (
            "line 2, column fallback_location_id: leads in a circle (A > A); leave one "
            "of them empty."
        ),
    ),
    "fall-backs in a circle": (
        "location_id,fallback_location_id\nX,A\nA,B\nB,C\nC,A\n",
        (
            "line 3, column fallback_location_id: leads in a circle (A > B > C > A); "
            "leave one of them empty."
        ),
    ),
}

PRODUCT_CASES = {
    "no skus": ("name\nTee\n", "line 1, column sku: the column is missing; add it."),
    "no sku": (
        "sku,name\n,Tee\n",
        "line 2, column sku: the cell is empty; every row needs it.",
    ),
    "a sku twice": (
        "sku\nA\nA\n",
        (
            'line 3, column sku: "A" is in line 2 already (column sku); a sku stands '
            "for "
            "one product."
        ),
    ),
    "one product id for two skus": (
        "sku,newstore_product_id\nA,P\nB,P\n",
        (
            'line 3, column newstore_product_id: "P" is in line 2 already (column '
            "newstore_product_id); NewStore's product id must lead to one sku."
        ),
    ),
    "a product id that is another's sku": (
        "sku,newstore_product_id\nA,\nB,A\n",
        (
            'line 3, column newstore_product_id: "A" is in line 2 already (column '
            "sku); "
            "NewStore's product id must lead to one sku."
        ),
    ),
    "a sku with a line in it": (
        'sku\n"A\nB"\nC\n',
        'line 2, column sku: "A\nB" has a | or a control character; remove it.',
    ),
    "neither yes nor no": (
        "sku,enabled\nA,on\n",
        'line 2, column enabled: "on" is neither yes nor no; write true or false.',
    ),
    "an unheard-of buffer": (
        "sku,safety_stock\nA,1e3\n",
        (
            'line 2, column safety_stock: "1e3" is not a whole number from 0 to '
            "1,000,000 "
            "units."
        ),
    ),
}

ADJUSTMENT_CASES = {
    "no type": (
        "type,to\n,main\n",
        "line 2, column type: the cell is empty; every row needs it.",
    ),
    "an account that is none": (
        "type,to\nDamage,cellar\n",
        (
            'line 2, column to: "cellar" is not one of main, damaged, held, '
            "in_transit, "
            "customer, supplier, transit, shrink, unknown."
        ),
    ),
    "the ledger's own pool": (
        "type,from\nDamage,reserved\n",
        (
            'line 2, column from: "reserved" is not one of main, damaged, held, '
            "in_transit, customer, supplier, transit, shrink, unknown."
        ),
    ),
    "a rule that says nothing": (
        "type,reason\nDamage,Fire\n",
        "line 2, column from: the rule says nothing; fill from or to, or set ignored.",
    ),
}


@pytest.mark.parametrize(
    ("text", "sentence"), LOCATION_CASES.values(), ids=LOCATION_CASES.keys()
)
def test_a_bad_locations_file_is_told_by_line_and_column(
    text: str, sentence: str
) -> None:
    found = parse(locations=text)
    assert [str(problem) for problem in found.problems] == [f"locations.csv {sentence}"]
    assert (found.locations, found.products) == ((), ())


@pytest.mark.parametrize(
    ("text", "sentence"), PRODUCT_CASES.values(), ids=PRODUCT_CASES.keys()
)
def test_a_bad_products_file_is_told_by_line_and_column(
    text: str, sentence: str
) -> None:
    found = parse(products=text)
    assert [str(problem) for problem in found.problems] == [f"products.csv {sentence}"]
    assert (found.locations, found.products) == ((), ())


@pytest.mark.parametrize(
    ("text", "sentence"), ADJUSTMENT_CASES.values(), ids=ADJUSTMENT_CASES.keys()
)
def test_a_bad_adjustments_file_is_told_by_line_and_column(
    text: str, sentence: str
) -> None:
    found = parse(adjustments=text)
    assert [str(problem) for problem in found.problems] == [
        f"adjustments.csv {sentence}"
    ]
    assert found.locations == ()


def test_a_file_that_is_not_utf_8_is_told_by_line() -> None:
    found = parse(products=b"sku,name\nA,Tee\nB,Caf\xe9\n")
    assert [str(problem) for problem in found.problems] == [
        "products.csv line 3: not UTF-8; save the file as CSV UTF-8."
    ]


def test_all_problems_of_all_files_are_told_at_once() -> None:
    found = parse(
        "location_id,enabled,safety_stock\nA,perhaps,-1\nA,yes,0\n", "sku\n\nA\nA\n"
    )
    assert [(item.file, item.line, item.column) for item in found.problems] == [
        ("locations.csv", 2, "safety_stock"),
        ("locations.csv", 2, "enabled"),
        ("locations.csv", 3, "location_id"),
        ("products.csv", 4, "sku"),
    ]


def test_a_problem_carries_the_value_it_is_about() -> None:
    (problem,) = parse(products="sku,enabled\nA,maybe\n").problems
    assert (problem.column, problem.value) == ("enabled", "maybe")


def test_a_location_may_have_one_id_in_both_systems() -> None:
    found = parse(
        "location_id,newstore_node_id,newstore_store_id\nA,A,A\nB,N,N\n", "sku\nTEE\n"
    )
    assert found.problems == ()


def test_fall_backs_may_form_a_chain() -> None:
    found = parse("location_id,fallback_location_id\nA,B\nB,C\nC,\n")
    assert found.problems == ()


def test_two_circles_are_two_problems() -> None:
    found = parse("location_id,fallback_location_id\nA,B\nB,A\nC,D\nD,C\n")
    assert [problem.line for problem in found.problems] == [2, 4]


def test_adjustment_rules_are_read() -> None:
    found = parse(
        adjustments="type,reason,from,to,ignored\nDamage out,Broken,main,damaged,\n"
        "From maker,,supplier,,\nSale,,,,yes\n"
    )
    assert found.adjustments == (
        AdjustmentRule(
            type="Damage out", reason="Broken", source=Pool.MAIN, target=Pool.DAMAGED
        ),
        AdjustmentRule(type="From maker", source=Outside.SUPPLIER),
        AdjustmentRule(type="Sale", ignored=True),
    )


def test_the_columns_are_those_of_the_documents() -> None:
    assert ",".join(LOCATION_COLUMNS) == (
        "location_id,label,type,newstore_store_id,newstore_node_id,"
        "commercetools_channel_key,erp_location,erp_damaged_location,timezone,currency,"
        "country,tax_included,safety_stock,fallback_location_id,enabled"
    )
    assert ",".join(PRODUCT_COLUMNS) == (
        "sku,newstore_product_id,name,safety_stock,enabled"
    )
