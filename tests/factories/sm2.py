"""SM2 signatures made from the standard's text alone (GB/T 32918.2), so that ours are not checked by themselves."""

import base64
import secrets

from cryptography.hazmat.primitives.hashes import SM3, Hash

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
SIGNER = b"1234567812345678"

Point = tuple[int, int] | None


def add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = (3 * one[0] * one[0] + A) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def times(factor: int, point: Point) -> tuple[int, int]:
    total: Point = None
    while factor:
        if factor & 1:
            total = add(total, point)
        point, factor = add(point, point), factor >> 1
    assert total is not None
    return total


def sm3(data: bytes) -> bytes:
    state = Hash(SM3())
    state.update(data)
    return state.finalize()


def der(r: int, s: int) -> bytes:
    def integer(value: int) -> bytes:
        raw = value.to_bytes(value.bit_length() // 8 + 1)
        return b"\x02" + bytes([len(raw)]) + raw

    body = integer(r) + integer(s)
    return b"\x30" + bytes([len(body)]) + body


class Signer:
    """Somebody with a key."""

    def __init__(self, private: int | None = None) -> None:
        self.private = private or secrets.randbelow(N - 2) + 1
        self.point = times(self.private, G)
        self.public = b"".join(part.to_bytes(32) for part in self.point)

    def sign(self, message: bytes) -> str:
        """Sign as section 6.1 of the standard says; DER in base64."""
        parts = [A, B, *G, *self.point]
        header = (len(SIGNER) * 8).to_bytes(2) + SIGNER + b"".join(part.to_bytes(32) for part in parts)
        e = int.from_bytes(sm3(sm3(header) + message))
        while True:
            k = secrets.randbelow(N - 1) + 1
            r = (e + times(k, G)[0]) % N
            s = pow(1 + self.private, -1, N) * (k - r * self.private) % N
            if r and s and r + k != N:
                return base64.b64encode(der(r, s)).decode()
