"""The ORM's idea of every table, compared with the catalog of the migrated database."""

import inspect

import pytest
from tortoise import fields
from tortoise.models import Model

from booking import models
from booking.models import CodeField, WallTimeField
from kernel.db import Database
from kernel.models import ChangeLog

MODELS: list[type[Model]] = [
    ChangeLog,
    *(
        model
        for _, model in inspect.getmembers(models, inspect.isclass)
        if issubclass(model, Model) and model.__module__ == models.__name__ and not model._meta.abstract
    ),
]
TYPES: dict[type, str] = {
    CodeField: "text",
    WallTimeField: "time without time zone",
    fields.TextField: "text",
    fields.UUIDField: "uuid",
    fields.BooleanField: "boolean",
    fields.SmallIntField: "smallint",
    fields.IntField: "integer",
    fields.BigIntField: "bigint",
    fields.FloatField: "double precision",
    fields.DateField: "date",
    fields.DatetimeField: "timestamp with time zone",
    fields.JSONField: "jsonb",
}


def test_every_table_of_the_catalogue_has_a_model() -> None:
    assert sorted(model._meta.db_table for model in MODELS) == [
        "booking_rule",
        "calendar_day",
        "campus",
        "change_log",
        "channel",
        "claim_limit",
        "clinic",
        "department",
        "fee",
        "followup_rule",
        "hold_pattern_rule",
        "noshow_rule",
        "pool",
        "practitioner",
        "registration_payment_rule",
        "registration_payment_terms",
        "release_rule",
        "room",
        "rush_mark",
        "rush_rule",
        "schedule",
        "schedule_template",
        "service_type",
        "title",
    ]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
async def test_a_model_has_the_columns_of_its_table(model: type[Model], database: Database) -> None:
    rows = await database.fetch(
        "SELECT column_name, data_type, is_nullable = 'YES' AS nullable FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = $1",
        model._meta.db_table,
    )
    there = {row["column_name"]: (row["data_type"], row["nullable"]) for row in rows}
    here = {
        field.source_field or name: (TYPES[type(field)], field.null) for name, field in model._meta.fields_map.items()
    }
    assert here == there


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
async def test_a_models_unique_columns_are_the_databases(model: type[Model], database: Database) -> None:
    """Keys of one column, plain and total; what holds only in a scope is an index of the migrations' own."""
    rows = await database.fetch(
        "SELECT a.attname AS name, i.indisprimary FROM pg_index i"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        " WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL"
        " AND i.indexprs IS NULL",
        model._meta.db_table,
    )
    assert {row["name"] for row in rows if row["indisprimary"]} == {model._meta.pk_attr}
    assert {row["name"] for row in rows} == {name for name, field in model._meta.fields_map.items() if field.unique}
