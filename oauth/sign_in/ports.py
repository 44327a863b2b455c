"""What sign-in asks of others, named here and supplied by `runtime.composition`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from kernel.db import Transaction

Relationship = Literal["self", "child", "parent", "spouse", "other"]


@dataclass(frozen=True, slots=True)
class Member:
    """A person whom an account may act for, as its pages show them."""

    patient_id: UUID
    name: str
    relationship: Relationship
    is_default: bool


class PatientAccounts(Protocol):
    """Patients' accounts, as sign-in and consent need them; `patients.accounts` fulfils it."""

    async def open_account(self, tx: Transaction, *, phone: str) -> UUID:
        """Give the account of a number that has just been verified; a new number gets a new account."""
        ...

    async def holder_to_ask(self, tx: Transaction, *, phone: str) -> UUID | None:
        """Give the account of a verified number if whoever has the number is to be asked first whether it is theirs."""
        ...

    async def knows_people(self, account_id: UUID, ending: str) -> bool:
        """Tell whether a document of somebody whom an account acts for ends so; with "" whether it acts for anybody."""
        ...

    async def release_phone(self, tx: Transaction, account_id: UUID, *, phone: str) -> bool:
        """Take a number away from an account, for its next owner; tells whether it had it still."""
        ...

    async def is_active(self, account_id: UUID) -> bool:
        """Tell whether an account is there and not closed."""
        ...

    async def members(self, account_id: UUID) -> Sequence[Member]:
        """Give the people an account may act for, the default one first."""
        ...


class Messages(Protocol):
    """The way short messages leave the hospital."""

    async def send(self, *, phone: str, text: str, template: str, values: Sequence[str]) -> None:
        """Hand a message over.

        text: as it is read, for a way that sends whatever it is given. template, values: the name under which the
        hospital's gateway has it (`sign_in_code`, `sign_in_code.en`), and what stands for {1}, {2}, ... there.

        Raises:
            MessageNotSent: it was not taken. InvalidPhone: nobody has this number.
            TooManyAttempts: the network takes no more for this number now.
        """
        ...


class MiniProgram(Protocol):
    """The hospital's mini-program at WeChat, as signing in needs it. Called outside any transaction."""

    @property
    def app_id(self) -> str:
        """The mini-program: openids are its own."""
        ...

    async def log_in(self, code: str) -> str:
        """Give the openid of whoever a `wx.login` code is from, once.

        Raises:
            SignInRefused: the code is worth nothing.
            WeChatUnavailable: no answer.
        """
        ...

    async def read_phone(self, code: str) -> str:
        """Give the number that WeChat has verified, of whoever a `getPhoneNumber` code is from, once.

        Raises:
            SignInRefused: the code is worth nothing.
            InvalidPhone: a number of elsewhere.
            WeChatUnavailable: no answer.
        """
        ...
