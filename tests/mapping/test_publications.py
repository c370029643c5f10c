"""Our publishing messages and rows: the fast codecs and the schemas agree."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.commerce import InventoryAnswer
from schemas.stock import StockLevel
from streams.domain.publications import (
    Adoption,
    Level,
    Publication,
    Told,
    Trouble,
)
from streams.mapping.publications import (
    AdoptionWire,
    AnswerWire,
    RefusalWire,
    UpdateWire,
    acceptance_of,
    adoption_of,
    decode_level,
    decode_publication,
    encode_message,
    encode_row,
    read_answer,
    read_level,
    refusal_of,
    row_key,
    split_row_key,
    told_of,
    update_of,
)

AT = datetime(2026, 11, 21, 9, 0, 0, 123000, tzinfo=UTC)
AT_MS = 1_795_251_600_123
UPDATE = UpdateWire("TEE", "LDN01", "ldn", -3, 0, 8)

words = st.text(max_size=20)
counts = st.integers(-(2**53), 2**53)
tolds = st.builds(Told, counts, counts, counts, words, counts, counts, counts)
publications = st.builds(
    Publication,
    words,
    *[counts] * 6,
    st.none() | tolds,
    st.none() | st.builds(Adoption, *[counts] * 4),
    st.none() | st.builds(Trouble, words, words, counts, counts),
)


@given(publications)
def test_a_row_reads_back_as_it_was_written(row: Publication) -> None:
    assert decode_publication(encode_row(row)) == row


@given(st.builds(Level, *[counts] * 4))
def test_a_level_row_reads_back_as_it_was_written(level: Level) -> None:
    assert decode_level(encode_row(level)) == level


def test_a_row_of_before_a_field_was_added_still_reads() -> None:
    row = Publication("ldn", 1, 1, 1, 1, 1, 1)
    assert decode_publication(msgspec.msgpack.encode(tuple(row)[:7])) == row


def test_a_row_is_small() -> None:
    told = Told(10, 10, 1000, "c1b0ae1a-9a4e-4f2e-9d4b-0d4c6cf8b8a1", 20, 10, AT_MS)
    row = Publication("store-012", 10, 10, 1000, 1000, AT_MS, AT_MS, told)
    assert len(encode_row(row)) < 110


@given(st.text(min_size=1), st.text(min_size=1).filter(lambda text: "|" not in text))
def test_a_row_key_splits_into_what_it_was_made_of(sku: str, place: str) -> None:
    assert split_row_key(row_key(sku, place)) == (sku, place)


def test_an_acceptance_is_what_the_schema_says() -> None:
    told = Told(-3, 0, 8, "e1", 4, 2, AT_MS)
    answer = acceptance_of(UPDATE, told, "adopt", AdoptionWire(5, -3))
    message = InventoryAnswer.model_validate_json(encode_message(answer))
    assert message.answered_at == AT
    assert message.update.sequence == 8
    assert message.adoption is not None
    assert message.adoption.correction == -3
    assert told_of(answer) == told
    assert adoption_of(answer) == Adoption(5, -3, 8, AT_MS)


def test_a_refusal_is_what_the_schema_says() -> None:
    answer = refusal_of(UPDATE, "add", RefusalWire("InvalidField", "No.", 400), AT)
    message = InventoryAnswer.model_validate_json(encode_message(answer))
    assert message.outcome == "refused"
    assert message.refusal is not None
    assert message.refusal.status == 400


def test_the_schemas_own_json_reads_back() -> None:
    told = Told(-3, 0, 8, "e1", 4, 2, AT_MS)
    answer = acceptance_of(UPDATE, told, "add", None)
    message = InventoryAnswer.model_validate_json(encode_message(answer))
    assert read_answer(b"TEE", message.model_dump_json().encode()) == answer


def test_codec_and_schema_have_the_same_fields() -> None:
    def names(struct: type[msgspec.Struct]) -> set[str]:
        return {field.name for field in msgspec.structs.fields(struct)}

    assert names(AnswerWire) == set(InventoryAnswer.model_fields)
    update = InventoryAnswer.model_fields["update"].annotation
    assert update is not None
    assert names(UpdateWire) == set(update.model_fields)


def test_both_refuse_an_answer_without_a_time_zone() -> None:
    told = Told(-3, 0, 8, "e1", 4, 2, AT_MS)
    text = encode_message(acceptance_of(UPDATE, told, "add", None))
    naive = text.replace(b".123000Z", b"").replace(b".123Z", b"")
    assert naive != text
    with pytest.raises(ValidationError):
        InventoryAnswer.model_validate_json(naive)
    assert read_answer(b"TEE", naive)[0] == "wrong_content"  # type: ignore[index]  # Unreadable


def test_a_level_as_the_ledger_writes_it_is_read() -> None:
    level = StockLevel(
        schema_version=1,
        sku="TEE",
        location_id="LDN01",
        on_hand=5,
        reserved=1,
        damaged=0,
        held=0,
        in_transit=0,
        safety_stock=2,
        available=2,
        enabled=True,
        commerce_target=3,
        sequence=7,
        entries=7,
        as_of=AT,
        recorded_at=AT,
    )
    wire = read_level(b"TEE|LDN01", level.model_dump_json().encode())
    assert (wire.available, wire.commerce_target, wire.sequence) == (2, 3, 7)  # type: ignore[union-attr]  # readable


def test_an_update_is_what_the_row_wants() -> None:
    row = Publication("ldn", -3, 0, 8, 8, 1, 1)
    assert update_of(b"TEE|LDN01", row) == UPDATE
