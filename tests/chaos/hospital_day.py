"""Who takes part when money is stormed: people with numbers, bills and beds, the office, and whom they deal with."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import httpx

from kernel.crypto import load_cipher
from kernel.db import Database
from kernel.settings import Settings
from oauth.known_credentials import DEMO_CLIENTS
from runtime.demo_charges import link_people
from runtime.demo_hospital.people import FEMALE, MALE, document_number, invent_name
from tests.chaos.bill_payers import BillPayer, Pharmacy, Sick
from tests.chaos.cashiers import Cashier
from tests.chaos.channels import (
    ALIPAY_FAULTS,
    FISCAL_FAULTS,
    WECHATPAY_FAULTS,
    Emulated,
    EmulatedAlipay,
    EmulatedWechatPay,
    Mood,
    MoodOfHis,
)
from tests.chaos.client import ANSWER_SECONDS_MAX, PartnerApplication, Tally
from tests.chaos.ledger import Ledger
from tests.chaos.load import Person, SlotOnSale
from tests.chaos.payers import NumberPayer, Payer, Till
from tests.chaos.ward import Bedridden, WardPayer
from tests.chaos.window import his_client
from tests.platform import Hospital

NUMBER_PAYERS, NUMBER_PEOPLE = 6, 10
BILL_PAYERS, BILL_PEOPLE = 4, 4
WARD_PAYERS, WARD_PEOPLE = 3, 5
SCHEDULES = 24
DAYS = 5
HOLD_SECONDS, PAY_SECONDS = 30, 120
CARD_MERCHANT: Final = "card-chaos"
LINK_SECONDS_MAX: Final = 120

# Low enough that persons are asked during a run, and that some refunds want a second one.
APPROVAL_ABOVE_FEN, ASKS_MAX, CLOSE_TRIES_MAX = 15_000, 1, 3

PROVOKED_TIMES: Final = 8
PROVOKED: Final = {
    "outcome: settlement unknown, decided by a person": (("his", "answers_lost"),),
    "outcome: receipt refused, asked for again by a person": (("fiscal", "receipt_refused"),),
    "outcome: refund stuck at a channel, put right by a person": (("wechatpay", "refund_abnormal"),),
    "outcome: refund paid by other means": (("wechatpay", "refund_abnormal"), ("alipay", "refund_abnormal")),
}
"""By which faults what may not come about by chance does. The rest comes about where people go on for longer."""


@dataclass
class Systems:
    """The connections of a run."""

    tally: Tally
    wechatpay: EmulatedWechatPay
    alipay: EmulatedAlipay
    fiscal: Emulated
    his: PartnerApplication
    his_http: httpx.AsyncClient
    portal: PartnerApplication
    office: PartnerApplication
    colleague: PartnerApplication

    @property
    def emulated(self) -> tuple[Emulated, ...]:
        """List what may misbehave and be healed, the HIS aside."""
        return (self.wechatpay, self.alipay, self.fiscal)


@asynccontextmanager
async def connected(platform: Hospital) -> AsyncIterator[Systems]:
    """Connect to everything, and sign in."""
    tally, run = Tally(), platform.run
    limits = httpx.Limits(max_connections=80)

    def control(name: str) -> httpx.AsyncClient:
        where = run["emulators"][name]
        bearer = {"authorization": f"Bearer {where['token']}"}
        return httpx.AsyncClient(
            base_url=where["base_url"], headers=bearer, timeout=ANSWER_SECONDS_MAX, trust_env=False
        )

    async with (
        httpx.AsyncClient(
            base_url=platform.base_url, timeout=ANSWER_SECONDS_MAX, trust_env=False, limits=limits
        ) as http,
        control("wechatpay") as wechatpay,
        control("alipay") as alipay,
        control("fiscal") as fiscal,
        his_client(run["his_http_url"], run["his_http_token"], seconds=ANSWER_SECONDS_MAX) as his,
    ):
        known = {one.role: one for one in DEMO_CLIENTS}

        def application(role: str, staff: str | None = None) -> PartnerApplication:
            return PartnerApplication(http, known[role].client_id, known[role].secret, tally, staff)

        systems = Systems(
            tally=tally,
            wechatpay=EmulatedWechatPay("wechatpay", wechatpay, WECHATPAY_FAULTS),
            alipay=EmulatedAlipay("alipay", alipay, ALIPAY_FAULTS),
            fiscal=Emulated("fiscal", fiscal, FISCAL_FAULTS, calm=4.0),
            his=PartnerApplication(his, "", "", tally),
            his_http=his,
            portal=application("city_portal"),
            office=application("slot_office", "S0001"),
            colleague=application("slot_office", "S0002"),
        )
        for one in (systems.portal, systems.office, systems.colleague):
            await one.sign_in()
        yield systems


@dataclass
class HospitalDay:
    """Everybody at work."""

    till: Till
    payers: list[Payer]
    cashier: Cashier
    pharmacy: Pharmacy
    moods: list[Mood]
    mood_of_his: MoodOfHis

    @classmethod
    async def gather(cls, db: Database, settings: Settings, systems: Systems, *, seed: int) -> "HospitalDay":
        """Set the hospital's rules for a short day, choose what is on sale, and give all their people and dice."""
        load_cipher(settings.keys_dir)
        await _set_rules(db)
        await _register_card_terminal(systems.office)
        rng = random.Random(seed)
        till = Till(systems.wechatpay, systems.alipay, systems.office)
        payers: list[Payer] = [
            *await _number_payers(db, systems, till, rng, seed=seed),
            *await _patients_of_his(db, systems, till, rng, seed=seed),
        ]
        return cls(
            till=till,
            payers=payers,
            cashier=Cashier(systems.office, systems.colleague, systems.his, random.Random(f"{seed}-cashier")),
            pharmacy=Pharmacy(systems.his, 0.2, random.Random(f"{seed}-pharmacy")),
            moods=[Mood(one, random.Random(f"{seed}-{one.name}")) for one in systems.emulated],
            mood_of_his=MoodOfHis(systems.his, random.Random(f"{seed}-his")),
        )

    async def work(self, stop: asyncio.Event) -> None:
        """Let everybody work until told to stop."""
        await asyncio.gather(
            *(one.work(stop) for one in self.payers),
            *(one.work(stop) for one in self.moods),
            self.mood_of_his.work(stop),
            self.cashier.work(stop),
            self.pharmacy.work(stop),
        )

    async def provoke(self, missing: Sequence[str]) -> None:
        """Have foreign systems misbehave in just the way of which a run has seen nothing so far."""
        for outcome, faults in PROVOKED.items():
            if outcome in missing:
                for system, fault in faults:
                    await self._misbehave(system, fault)

    async def _misbehave(self, system: str, fault: str) -> None:
        if system == "his":
            await self.mood_of_his.misbehave(fault, times=PROVOKED_TIMES)
            return
        [emulated] = [mood.system for mood in self.moods if mood.system.name == system]
        await emulated.set_fault(fault, dict(emulated.known_faults)[fault], times=PROVOKED_TIMES)

    async def heal(self) -> None:
        """Have every foreign system behave from now on."""
        for mood in self.moods:
            await mood.system.heal()
        await self.mood_of_his.heal()

    async def go_round(self) -> None:
        """Let the people of the office, the pharmacy and the ward see to what waits for them."""
        await asyncio.gather(*(one.finish() for one in self.payers if isinstance(one, WardPayer)))
        await self.cashier.go_round()
        await self.pharmacy.decide_all()
        await self._give_open_orders_up()

    async def _give_open_orders_up(self) -> None:
        """Give up what nobody pays any more: a code for a relative keeps an order open for a day."""
        portal = self.payers[0].app
        listed = await portal.get("list open orders", "/orders?status=open&limit=100")
        for order in listed.body.get("items", []):
            await portal.post("give order up", f"/orders/{order['id']}/close", None, key=f"end-{order['id']}")


async def _set_rules(db: Database) -> None:
    await db.execute(
        "UPDATE booking_rule SET hold_seconds = $1, return_delay_seconds_min = 1, return_delay_seconds_max = 9"
        " WHERE clinic_id IS NULL",
        HOLD_SECONDS,
    )
    await db.execute("UPDATE registration_payment_terms SET pay_seconds = $1", PAY_SECONDS)
    await db.execute(
        "UPDATE payment_rule SET approval_above_fen = $1, settlement_asks_max = $2, close_tries_max = $3",
        APPROVAL_ABOVE_FEN,
        ASKS_MAX,
        CLOSE_TRIES_MAX,
    )


async def _register_card_terminal(office: PartnerApplication) -> None:
    body: dict[str, Any] = {"code": CARD_MERCHANT, "channel": "card", "merchant_no": "TERMINAL-1", "key_references": {}}
    answer = await office.post("register terminal", "/administration/finance/merchants", body, key="card-chaos")
    assert answer.done, answer


async def _number_payers(
    db: Database, systems: Systems, till: Till, rng: random.Random, *, seed: int
) -> list[NumberPayer]:
    rows = await db.fetch(
        "SELECT s.id, s.schedule_id, sc.department_id FROM slot s JOIN schedule sc ON sc.id = s.schedule_id"
        " WHERE sc.id IN (SELECT sc.id FROM schedule sc JOIN clinic c ON c.id = sc.clinic_id"
        "  WHERE sc.status = 'active' AND sc.fee_fen > 0 AND sc.service_type = 'general' AND c.sex_allowed IS NULL"
        "  AND c.age_years_min IS NULL AND c.age_years_max IS NULL"
        "  AND sc.clinic_date BETWEEN current_date + 2 AND current_date + $1::int ORDER BY sc.id LIMIT $2)",
        DAYS,
        SCHEDULES,
    )
    slots = [SlotOnSale(*(str(value) for value in row.values())) for row in rows]
    people = [str(row["id"]) for row in await db.fetch("SELECT id FROM patient ORDER BY id LIMIT 2000")]
    rng.shuffle(people)
    return [
        NumberPayer(
            people=[Person(people.pop()) for _ in range(NUMBER_PEOPLE)],
            slots=slots,
            till=till,
            **_common(systems, f"{seed}-n{number}"),
        )
        for number in range(NUMBER_PAYERS)
    ]


async def _patients_of_his(
    db: Database, systems: Systems, till: Till, rng: random.Random, *, seed: int
) -> list[BillPayer | WardPayer]:
    """Register people whom the HIS knows too: those who have bills, and those who will lie in beds."""
    wanted = BILL_PAYERS * BILL_PEOPLE + WARD_PAYERS * WARD_PEOPLE
    known = [await _register(systems.portal, rng, number, seed=seed) for number in range(wanted)]
    await link_people([UUID(one[0]) for one in known])
    await _until_linked(db, [UUID(one[0]) for one in known])
    payers: list[BillPayer | WardPayer] = []
    for number in range(BILL_PAYERS):
        sick: list[Person] = []
        for _ in range(BILL_PEOPLE):
            patient_id, told = known.pop()
            sick.append(Sick(patient_id, told=told))
        common = _common(systems, f"{seed}-b{number}")
        payers.append(BillPayer(people=sick, slots=[], till=till, his=systems.his, **common))
    for number in range(WARD_PAYERS):
        in_beds: list[Person] = []
        for _ in range(WARD_PEOPLE):
            patient_id, told = known.pop()
            in_beds.append(Bedridden(patient_id, told=told))
        common = _common(systems, f"{seed}-w{number}")
        payers.append(WardPayer(people=in_beds, slots=[], till=till, his=systems.his, **common))
    return payers


async def _register(
    portal: PartnerApplication, rng: random.Random, number: int, *, seed: int
) -> tuple[str, dict[str, str]]:
    """Register somebody; gives our id of them, and how the HIS's programs name them."""
    sex = rng.choice((MALE, FEMALE))
    born = date(1950 + rng.randrange(50), 1 + rng.randrange(12), 1 + rng.randrange(28))
    document = document_number(birth_date=born, sequence=rng.randrange(1, 500) * 2 - (1 if sex == MALE else 0))
    name = invent_name(rng, sex)
    body = {"name": name, "document": {"type": "CN-ID", "number": document}}
    answer = await portal.post("register", "/patients", body, key=f"{seed}-person-{number}")
    assert answer.done, answer
    return str(answer.body["id"]), {"name": name, "document_type": "CN-ID", "document_number": document}


async def _until_linked(db: Database, people: list[UUID]) -> None:
    async with asyncio.timeout(LINK_SECONDS_MAX):
        while await db.fetchval(
            "SELECT count(*) FROM patient_identifier WHERE system = 'his' AND patient_id = ANY ($1)", people
        ) < len(set(people)):
            await asyncio.sleep(0.5)


def _common(systems: Systems, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "app": systems.portal,
        "ledger": Ledger(),
        "tally": systems.tally,
        "rng": random.Random(name),
    }
