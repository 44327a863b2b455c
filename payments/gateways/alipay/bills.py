"""A day's bill as Alipay gives it: a ZIP whose CSV of details is taken out within bounds, and known for one.

The archive holds a CSV of details and one of sums, in GBK, with names in GBK too. Lines that begin with `#` frame the
details; what the lines mean is the books' matter. Nothing is ever written to a file.
"""

import io
import struct
import zipfile
import zlib
from typing import Final

from payments.gateways.alipay.errors import BillUnusable
from payments.gateways.port import BillKind

ARCHIVE_BYTES_MAX: Final = 128 * 1024 * 1024
DETAILS_BYTES_MAX: Final = 512 * 1024 * 1024
COMPRESSION_MAX: Final = 200
"""Times that a bill may be smaller as an archive; real ones are 5 to 25 times."""
SMALL_BYTES: Final = 1024 * 1024
"""Below this nobody cares how well it was compressed."""
FILES_MAX: Final = 16
NAME_CHARACTERS_MAX: Final = 200
PIECE_BYTES: Final = 1024 * 1024
ENCODING: Final = "gb18030"
"""What Alipay calls GBK, with the characters that GBK lacks."""

BILL_TYPES: Final = {BillKind.TRADES: "trade", BillKind.FUNDS: "signcustomer"}
DETAILS: Final = {BillKind.TRADES: "业务明细", BillKind.FUNDS: "账务明细"}
SUMS_MARK: Final = "汇总"
COLUMNS: Final = {
    BillKind.TRADES: (
        "支付宝交易号",
        "商户订单号",
        "业务类型",
        "创建时间",
        "完成时间",
        "订单金额（元）",
        "商家实收（元）",
        "退款批次号/请求号",
        "服务费（元）",
    ),
    BillKind.FUNDS: (
        "账务流水号",
        "业务流水号",
        "商户订单号",
        "发生时间",
        "收入金额（+元）",
        "支出金额（-元）",
        "账户余额（元）",
        "业务类型",
    ),
}


def unpack_bill(archive: bytes, kind: BillKind) -> bytes:
    """Take the details out of the archive, and see that they are the details of such a bill, whole.

    Raises:
        BillUnusable: `reason` says why.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            content = _read_bounded(opened, _find_details(opened, kind), archive_bytes=len(archive))
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
        # RuntimeError: it is encrypted, or compressed in a way that nobody asked for. ValueError: a name is no text.
        raise BillUnusable("not_a_zip") from error
    _require_whole(content, kind)
    return content


def _find_details(opened: zipfile.ZipFile, kind: BillKind) -> zipfile.ZipInfo:
    files = opened.infolist()
    if len(files) > FILES_MAX:
        raise BillUnusable("too_many_files")
    found = []
    for file in files:
        name = _name(file)
        if len(name) > NAME_CHARACTERS_MAX or "\0" in name or "/" in name or "\\" in name or name in (".", ".."):
            raise BillUnusable("unsafe_name")
        if DETAILS[kind] in name and SUMS_MARK not in name and name.endswith(".csv"):
            found.append(file)
    if len(found) != 1:
        raise BillUnusable("no_details")
    return found[0]


def _name(file: zipfile.ZipInfo) -> str:
    """Give a file's name: in GBK, unless the archive says that it is in UTF-8 (APPNOTE 4.4.4, bit 11)."""
    if file.flag_bits & 0x800:
        return file.filename
    try:
        return file.filename.encode("cp437").decode(ENCODING)
    except UnicodeError as error:
        raise BillUnusable("unsafe_name") from error


def _read_bounded(opened: zipfile.ZipFile, file: zipfile.ZipInfo, *, archive_bytes: int) -> bytes:
    """Read piece by piece; what the archive says of its own size is not relied on."""
    bytes_max = min(DETAILS_BYTES_MAX, max(archive_bytes * COMPRESSION_MAX, SMALL_BYTES))
    content = bytearray()
    with opened.open(file) as stream:
        while piece := stream.read(PIECE_BYTES):
            content += piece
            if len(content) > bytes_max:
                is_large = bytes_max == DETAILS_BYTES_MAX
                raise BillUnusable("too_large" if is_large else "compressed_too_well")
    return bytes(content)


def _require_whole(content: bytes, kind: BillKind) -> None:
    """See that it is what it is called: GBK, framed from the first line to the last, every column there."""
    begins, ends, header = False, False, None
    try:
        for line in io.TextIOWrapper(io.BytesIO(content), encoding=ENCODING, newline=None):
            if line.startswith("#") and f"{DETAILS[kind]}列表" in line:
                ends = ends or "结束" in line
                begins = True
            elif begins and header is None:
                header = {name.strip() for name in line.split(",")}
    except UnicodeDecodeError as error:
        raise BillUnusable("wrong_encoding") from error
    if not begins or not ends or header is None:
        raise BillUnusable("not_framed")
    if not header.issuperset(COLUMNS[kind]):
        raise BillUnusable("missing_column")
