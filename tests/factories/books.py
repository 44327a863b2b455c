"""A day's books for tests: three sides that agree, until a test disturbs one of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self

from kernel.clock import SHANGHAI
from payments.books.lines import BookLine, LineKind, Side
from payments.books.storage import ToldLines

DAY = date(2026, 11, 24)
MERCHANT = "wechatpay-main"
SIDES = (Side.CHANNEL, Side.PLATFORM, Side.HIS)
HIS_SIDES = (Side.HIS, Side.REVERSAL)
RATES = {MERCHANT: 6_000}


@dataclass
class Told:
    """A source that tells the lines it was given."""

    side: Side
    lines: Iterable[BookLine]
    merchant: str = MERCHANT

    async def fetch(self, day: date) -> ToldLines:
        return ToldLines(self.lines)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Tell an instant of a clinic day."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)


class ThreeSides:
    """Payments and refunds as channel, platform and HIS have them; equal to begin with."""

    def __init__(self, day: date = DAY, *, payments: int = 40, refunds: int = 10) -> None:
        self.day = day
        lines = [self._payment(number) for number in range(payments)]
        lines += [self._refund(number) for number in range(refunds)]
        self.channel = [replace(line, settlement_no=None) for line in lines]
        self.platform = [replace(line, fee_fen=None) for line in lines]
        self.reversal: list[BookLine] = []
        self.his = [replace(line, fee_fen=None, channel_no=None, number=f"HIS-{line.number}") for line in lines]

    def _payment(self, number: int) -> BookLine:
        amount_fen = 1_000 + 37 * number
        fee_fen = (amount_fen * 6 + 500) // 1_000
        return BookLine(
            LineKind.PAYMENT,
            f"A{self.day:%m%d}{number:08}",
            amount_fen,
            at(self.day, 8) + timedelta(minutes=number % 600),
            channel_no=f"42{number:010}",
            fee_fen=fee_fen,
            settlement_no=f"S{self.day:%m%d}{number:08}",
        )

    def _refund(self, number: int) -> BookLine:
        paid = self._payment(number)
        moment = paid.occurred_at + timedelta(hours=2)
        return replace(
            paid,
            kind=LineKind.REFUND,
            number=f"R{paid.number}",
            settlement_no=f"R{paid.settlement_no}",
            channel_no=f"50{number:010}",
            occurred_at=moment,
        )

    def drop(self, side: Side, place: int) -> BookLine:
        """Let a side know nothing of a line."""
        return self.lines(side).pop(place)

    def change(self, side: Side, place: int, change: Callable[[BookLine], BookLine]) -> BookLine:
        """Let a side have a line differently."""
        lines = self.lines(side)
        lines[place] = change(lines[place])
        return lines[place]

    def twice(self, place: int) -> BookLine:
        """Let the channel's bill have a line twice."""
        self.channel.append(self.channel[place])
        return self.channel[place]

    def take_back(self, place: int, *, is_of_day: bool) -> BookLine:
        """Let the HIS have taken a refund back apart from the money's going, on this day or just beside it."""
        refund = self.platform[place]
        self.reversal.append(replace(refund, is_of_day=is_of_day))
        self.platform[place] = replace(refund, settlement_no=None)
        self.his[place] = replace(self.his[place], is_of_day=is_of_day)
        return refund

    def beside_the_day(self, place: int) -> None:
        """Let the platform and the HIS also have a payment of shortly before the day."""
        for side in (Side.PLATFORM, Side.HIS):
            line = self.lines(side)[place]
            self.lines(side).append(replace(line, number="A-BESIDE", settlement_no="S-BESIDE", is_of_day=False))

    def lines(self, side: Side) -> list[BookLine]:
        """Give the lines of a side, to be changed."""
        found: list[BookLine] = getattr(self, side.value)
        return found

    def sources(self) -> list[Told]:
        """Give the three sources."""
        return [Told(side, self.lines(side), "his" if side in HIS_SIDES else MERCHANT) for side in Side]

    def without_refunds(self) -> Self:
        """Leave payments alone."""
        for side in SIDES:
            self.lines(side)[:] = [line for line in self.lines(side) if line.kind is LineKind.PAYMENT]
        return self
