"""Customers: one per email whatever its case, addresses by id or key, what is said."""

import json

import pytest

from streams.sandbox.commercetools import Sandbox
from streams.sandbox.commercetools.customers import Customer, customer_body
from streams.sandbox.commercetools.errors import ApiError
from tests.sandbox.support import sandbox_with_clock, update
from tests.sandbox.trade_support import Fields, action, as_json, ask

HOME: Fields = {"key": "home", "country": "DE", "city": "Berlin"}
WORK: Fields = {"key": "work", "country": "DE"}


def draft(email: str = "jo@example.org", **fields: object) -> Fields:
    return {"email": email, "authenticationMode": "ExternalAuth", **fields}


def make(sandbox: Sandbox, email: str = "jo@example.org", **fields: object) -> Customer:
    return sandbox.create_customer(draft(email, **fields))


def act(sandbox: Sandbox, customer: Customer, *actions: Fields) -> Fields:
    version = sandbox.customers.get("id", customer.id).version
    changed = sandbox.update_customer("id", customer.id, update(version, *actions))
    return as_json(customer_body(changed))


def refused(sandbox: Sandbox, customer: Customer, *actions: Fields) -> ApiError:
    before = sandbox.customers.get("id", customer.id)
    with pytest.raises(ApiError) as raised:
        act(sandbox, customer, *actions)
    assert sandbox.customers.get("id", customer.id) == before
    return raised.value


def said(sandbox: Sandbox) -> list[str]:
    return [each.type for each in sandbox.messages.walk()][1:]


def test_a_creation_answers_as_a_sign_in_and_a_read_does_not() -> None:
    sandbox, _ = sandbox_with_clock()
    answer, body = ask(sandbox, "POST", "/oneshelf/customers", draft(key="ns-77"))
    assert answer.status == 201
    assert set(body) == {"customer"}
    _, read = ask(sandbox, "GET", "/oneshelf/customers/key=ns-77")
    assert read == body["customer"]
    assert read["email"] == "jo@example.org"
    assert "lowercaseEmail" not in read


def test_address_pointers_of_a_draft_are_indices() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(
        sandbox,
        addresses=[HOME, WORK],
        defaultShippingAddress=0,
        billingAddresses=[1],
    )
    home, work = made.addresses
    body = as_json(customer_body(made))
    assert body["addresses"] == [HOME | {"id": home.id}, WORK | {"id": work.id}]
    assert body["defaultShippingAddressId"] == home.id
    assert body["shippingAddressIds"] == [home.id]
    assert body["billingAddressIds"] == [work.id]
    assert "defaultBillingAddressId" not in body


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"email": None}, "InvalidJsonInput"),
        ({"email": "nobody"}, "InvalidField"),
        ({"email": "a b@example.org"}, "InvalidField"),
        ({"authenticationMode": "Password"}, "RequiredField"),
        ({"authenticationMode": None}, "RequiredField"),
        ({"authenticationMode": "Bogus"}, "InvalidField"),
        ({"key": "x"}, "InvalidInput"),
        ({"addresses": [{"city": "Berlin"}]}, "InvalidJsonInput"),
        ({"addresses": [HOME, HOME]}, "DuplicateField"),
        ({"addresses": [HOME], "defaultShippingAddress": 1}, "InvalidInput"),
        ({"addresses": [HOME], "defaultShippingAddress": -1}, "InvalidJsonInput"),
    ],
)
def test_a_wrong_customer_is_refused(fields: Fields, code: str) -> None:
    sandbox, _ = sandbox_with_clock()
    with pytest.raises(ApiError) as raised:
        sandbox.create_customer(draft() | fields)
    assert raised.value.code == code
    assert len(sandbox.customers) == 0


def test_a_password_is_taken_and_never_kept() -> None:
    sandbox, _ = sandbox_with_clock()
    made = sandbox.create_customer({"email": "a@b.de", "password": "opensesame"})
    assert "opensesame" not in repr(made)
    assert made.authentication_mode == "Password"


def test_an_email_is_taken_in_any_case_but_keeps_its_own() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox, "Jo@Example.org")
    assert made.email == "Jo@Example.org"
    with pytest.raises(ApiError) as raised:
        make(sandbox, "jo@example.ORG")
    assert raised.value.details == {
        "field": "email",
        "duplicateValue": "jo@example.ORG",
    }
    other = make(sandbox, "other@example.org")
    change = action("changeEmail", email="JO@example.org")
    assert refused(sandbox, other, change).code == "DuplicateField"
    # One's own, spelled otherwise, is free.
    assert act(sandbox, made, change)["email"] == "JO@example.org"


def test_a_changed_email_frees_the_old_one_and_is_unverified() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox, isEmailVerified=True)
    body = act(sandbox, made, action("changeEmail", email="new@example.org"))
    assert (body["email"], body["isEmailVerified"]) == ("new@example.org", False)
    assert said(sandbox) == ["CustomerEmailChanged"]
    make(sandbox, "JO@example.org")


def test_the_email_is_found_as_it_is_spelled_or_in_lower_case() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox, "Jo@Example.org", externalId="NS-77")
    make(sandbox, "other@example.org", externalId="NS-77")
    for where, count in (
        ('email="Jo@Example.org"', 1),
        ('email="jo@example.org"', 0),
        ('lowercaseEmail="jo@example.org"', 1),
        ('externalId="NS-77"', 2),
    ):
        _, body = ask(sandbox, "GET", f"/oneshelf/customers?where={where}")
        assert body["count"] == count, where
        for found in body["results"]:
            assert "lowercaseEmail" not in found
    _, body = ask(
        sandbox, "GET", '/oneshelf/customers?where=lowercaseEmail="jo@example.org"'
    )
    assert [each["id"] for each in body["results"]] == [made.id]


def test_key_and_number_are_unique_and_the_number_is_set_once() -> None:
    sandbox, _ = sandbox_with_clock()
    make(sandbox, key="ns-1", customerNumber="7")
    other = make(sandbox, "other@example.org")
    for change in (
        action("setKey", key="ns-1"),
        action("setCustomerNumber", customerNumber="7"),
    ):
        assert refused(sandbox, other, change).code == "DuplicateField"
    act(sandbox, other, action("setCustomerNumber", customerNumber="8"))
    again = action("setCustomerNumber", customerNumber="9")
    assert refused(sandbox, other, again).code == "InvalidOperation"


def test_names_are_set_removed_and_told_of_where_the_vendor_does() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox, firstName="Jo", lastName="Doe")
    body = act(
        sandbox,
        made,
        action("setFirstName", firstName="Joe"),
        action("setMiddleName", middleName="X"),
        action("setLastName"),
        action("setExternalId", externalId="NS-1"),
    )
    assert (body["firstName"], body["middleName"]) == ("Joe", "X")
    assert "lastName" not in body
    assert said(sandbox) == [
        "CustomerFirstNameSet",
        "CustomerLastNameSet",
        "CustomerExternalIdSet",
    ]
    last = list(sandbox.messages.walk())[2]
    assert last.happening.fields == {}


def test_addresses_are_added_changed_used_and_removed() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox, addresses=[HOME])
    home_id = made.addresses[0].id
    body = act(
        sandbox,
        made,
        action("addAddress", address=WORK),
        action("setDefaultShippingAddress", addressKey="home"),
        action("addBillingAddressId", addressId=home_id),
        # All fields again: the city is gone.
        action("changeAddress", addressKey="home", address={**HOME, "city": None}),
    )
    assert body["defaultShippingAddressId"] == home_id
    assert body["shippingAddressIds"] == body["billingAddressIds"] == [home_id]
    changed = list(sandbox.messages.walk())[-1]
    assert changed.type == "CustomerAddressChanged"
    assert changed.happening.fields["addressRoles"] == ["Shipping", "Billing"]
    body = act(sandbox, made, action("removeAddress", addressId=home_id))
    assert [each["key"] for each in body["addresses"]] == ["work"]
    assert "defaultShippingAddressId" not in body
    assert body["shippingAddressIds"] == body["billingAddressIds"] == []
    assert said(sandbox) == [
        "CustomerAddressAdded",
        "CustomerDefaultShippingAddressSet",
        "CustomerBillingAddressAdded",
        "CustomerAddressChanged",
        "CustomerAddressRemoved",
    ]


def test_a_changed_address_without_its_key_loses_it() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox, addresses=[HOME, WORK])
    change = action("changeAddress", addressKey="home", address={"country": "FR"})
    body = act(sandbox, made, change)
    assert body["addresses"][0] == {"id": made.addresses[0].id, "country": "FR"}
    assert refused(sandbox, made, change).code == "InvalidOperation"
    taken = action("addAddress", address=WORK)
    assert refused(sandbox, made, taken).code == "DuplicateField"


def test_stores_modes_and_custom_fields_change() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox)
    store = {"typeId": "store", "key": "de"}
    body = act(
        sandbox,
        made,
        action("setStores", stores=[store]),
        action("addStore", store={"typeId": "store", "key": "fr"}),
        action("removeStore", store=store),
        action("setAuthenticationMode", authMode="Password", password="x"),
    )
    assert body["stores"] == [{"typeId": "store", "key": "fr"}]
    assert body["authenticationMode"] == "Password"
    assert said(sandbox) == ["CustomerStoresSet"] * 3
    mode = action("setAuthenticationMode", authMode="Password")
    assert refused(sandbox, made, mode).code == "RequiredField"
    assert refused(sandbox, made, action("setCustomField", name="x")).code == (
        "InvalidOperation"
    )


def test_a_deleted_customer_is_gone_with_email_key_and_number() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox, key="ns-1", customerNumber="7")
    path = f"/oneshelf/customers/{made.id}"
    answer, _ = ask(sandbox, "DELETE", f"{path}?version=1&dataErasure=true")
    assert answer.status == 200
    assert ask(sandbox, "GET", path)[0].status == 404
    assert said(sandbox) == ["CustomerDeleted"]
    make(sandbox, key="ns-1", customerNumber="7")


def test_no_name_address_or_email_is_in_the_journal() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox, firstName="Joanna", addresses=[HOME])
    act(sandbox, made, action("changeEmail", email="new@example.org"))
    journal = json.dumps([write.body() for write in sandbox.journal.read()])
    for word in ("Joanna", "Berlin", "example.org"):
        assert word not in journal
