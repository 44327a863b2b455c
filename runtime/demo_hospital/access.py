"""Who may use the demonstration hospital: its client applications, its staff, and its patients."""

import random
from datetime import date
from typing import Final

from kernel import clock
from kernel.crypto import FieldCipher
from kernel.db import Transaction
from oauth.clients import secret_hash
from oauth.known_credentials import DEMO_CLIENTS, DEMO_STAFF
from patients.accounts import Accounts
from patients.documents import RESIDENT_ID, Document
from runtime.demo_hospital.people import PatientSeed, invent_patients
from runtime.demo_hospital.plan import SEED, stable_id

BORN_BEFORE = date(2026, 11, 1)
# The two families with accounts are chosen from so many of the first invented people.
ACCOUNT_PEOPLE: Final = 24
PORTAL = "demo-city-portal"
# Of the invented prefix, above those of the patients themselves.
DEMO_PHONES = ("14409990001", "14409990002")
COMPLAINTS_STAFF: Final = "S0003"


async def load_clients(tx: Transaction) -> None:
    """Register the demonstration clients with their published secrets."""
    for client in DEMO_CLIENTS:
        await tx.execute(
            "WITH made AS (INSERT INTO oauth_client (id, name, kind, channel, scopes) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (id) DO NOTHING RETURNING id)"
            " INSERT INTO oauth_client_secret (client_id, hash) SELECT id, $6 FROM made",
            client.client_id,
            client.name,
            client.kind,
            client.channel,
            list(client.scopes),
            secret_hash(client.client_id, client.secret),
        )


async def load_staff(tx: Transaction) -> None:
    """Register the members of staff whom the demonstration acts for."""
    await tx.executemany(
        "INSERT INTO staff (id, code, name) VALUES ($1, $2, $3) ON CONFLICT (code) DO NOTHING",
        [(stable_id("staff", code), code, name) for code, name in DEMO_STAFF],
    )
    # Somebody who may answer whatever a patient of the sandbox complains of.
    await tx.execute(
        "INSERT INTO staff_assignment (id, staff_id, role, given_at) SELECT $1, s.id, 'complaints_office', $3"
        " FROM staff s WHERE s.code = $2",
        stable_id("staff_assignment", COMPLAINTS_STAFF),
        COMPLAINTS_STAFF,
        clock.now(),
    )


async def load_patients(tx: Transaction, cipher: FieldCipher, count: int) -> None:
    """Register invented patients, visible to the city portal as if it had registered them.

    They are not announced one by one: the core HIS learns of a person with their first appointment.
    """
    rng = random.Random(SEED)  # noqa: S311  invented people, not secrets
    people = list(invent_patients(rng, count, born_before=BORN_BEFORE))
    ids = [stable_id("patient", person.document_number) for person in people]
    await tx.copy(
        "patient",
        (
            "id", "name", "sex", "birth_date", "document_type", "document_cipher", "document_hash", "phone_cipher",
            "phone_hash",
        ),
        [
            (
                patient_id, person.name, person.sex, person.birth_date, RESIDENT_ID,
                cipher.seal(person.document_number),
                cipher.lookup_hash(Document(RESIDENT_ID, person.document_number).lookup_text),
                cipher.seal(person.phone), cipher.lookup_hash(person.phone),
            )
            for patient_id, person in zip(ids, people, strict=True)
        ],
    )  # fmt: skip
    await tx.copy("patient_access", ("client_id", "patient_id"), [(PORTAL, patient_id) for patient_id in ids])


def invent_families() -> tuple[tuple[tuple[PatientSeed, str], ...], ...]:
    """Give the people of the accounts, each with what they are to the account's owner.

    They are among the first whom load_patients invents, and of ages that make a family: a mother of 40 with her child
    of 4; a couple of 43 and 45 with a mother of 70.
    """
    people = list(invent_patients(random.Random(SEED), ACCOUNT_PEOPLE, born_before=BORN_BEFORE))  # noqa: S311  as above
    return (
        ((people[23], "self"), (people[8], "child")),
        ((people[2], "self"), (people[6], "spouse"), (people[4], "parent")),
    )


async def load_accounts(tx: Transaction) -> None:
    """Give two invented families an account each, to sign in with by a code that `/sandbox/messages` shows."""
    for phone, family in zip(DEMO_PHONES, invent_families(), strict=True):
        account_id = await Accounts().open_account(tx, phone=phone)
        for person, relationship in family:
            is_self = relationship == "self"
            await tx.execute(
                "INSERT INTO patient_account_member"
                " (id, account_id, patient_id, relationship, is_default, consent_note, bound_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                stable_id("account member", f"{phone} {person.document_number}"),
                account_id,
                stable_id("patient", person.document_number),
                relationship,
                is_self,
                None if is_self else "演示数据",
                clock.now(),
            )
