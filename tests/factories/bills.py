"""Bills as the channels write them, from lines that a test names; written apart from the code that reads them."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kernel.clock import SHANGHAI
from payments.books.lines import BookLine, LineKind
from payments.gateways.port import Bill, BillKind

WECHAT_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
WECHAT_TOTALS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
ALIPAY_HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"
    "商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
MERCHANT = "1900000109"
PARTNER = "2088000000000001"


def yuan(amount_fen: int) -> str:
    """Write fen as a bill does."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


@dataclass(frozen=True)
class Totals:
    """What lines come to."""

    count: int
    paid: int
    refunded: int
    fee: int

    @classmethod
    def of(cls, lines: Sequence[BookLine]) -> "Totals":
        paid = [line for line in lines if line.kind is LineKind.PAYMENT]
        refunded = [line for line in lines if line.kind is LineKind.REFUND]
        fee = sum(line.fee_fen or 0 for line in paid) - sum(line.fee_fen or 0 for line in refunded)
        return cls(len(lines), sum(line.amount_fen for line in paid), sum(line.amount_fen for line in refunded), fee)


def wechat_bill(lines: Sequence[BookLine], *, day: date, merchant_no: str = MERCHANT) -> Bill:
    """Write WeChat Pay's trade bill: a byte order mark, a backtick before each field, totals at the end."""
    rows = [WECHAT_HEADER, *(_wechat_row(line, merchant_no) for line in lines), WECHAT_TOTALS]
    totals = Totals.of(lines)
    paid, refunded = yuan(totals.paid), yuan(totals.refunded)
    values = (totals.count, paid, refunded, "0.00", f"{yuan(totals.fee)}000", paid, refunded)
    rows.append(",".join(f"`{value}" for value in values))
    text = "\ufeff" + "\r\n".join(rows) + "\r\n"
    return Bill(BillKind.TRADES, day, text.encode())


def _wechat_row(line: BookLine, merchant_no: str) -> str:
    is_payment = line.kind is LineKind.PAYMENT
    amount, fee = yuan(line.amount_fen), yuan((line.fee_fen or 0) * (1 if is_payment else -1))
    values: Mapping[str, str] = {
        "交易时间": f"{line.occurred_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        "公众账号ID": "wx0000000000000001",
        "商户号": merchant_no,
        "微信订单号": (line.channel_no or "") if is_payment else f"42{line.number}",
        "商户订单号": line.number if is_payment else f"PAID{line.number}",
        "用户标识": "openid-of-somebody",
        "交易类型": "JSAPI",
        "交易状态": "SUCCESS" if is_payment else "REFUND",
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "应结订单金额": amount if is_payment else "0.00",
        "微信退款单号": "0" if is_payment else line.channel_no or "",
        "商户退款单号": "0" if is_payment else line.number,
        "退款金额": "0.00" if is_payment else amount,
        "退款状态": "" if is_payment else "SUCCESS",
        "商品名称": "门诊挂号, 骨科",
        # WeChat Pay writes fees with five places.
        "手续费": f"{fee}000",
        "费率": "0.60%",
        "订单金额": amount if is_payment else "0.00",
        "申请退款金额": "0.00" if is_payment else amount,
    }
    return ",".join(f"`{values.get(name, '0.00' if '金额' in name else '')}" for name in WECHAT_HEADER.split(","))


def alipay_bill(lines: Sequence[BookLine], *, day: date, partner: str = PARTNER) -> Bill:
    """Write the detail file of Alipay's bill: GBK, `#` lines before and after."""
    out = io.StringIO()
    out.write(f"#支付宝业务明细查询\n#账号：[{partner}0156]\n#起始日期：[{day}]   终止日期：[{day}]\n")
    out.write("#-----------------------------------------业务明细列表----------------------------------------\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(ALIPAY_HEADER.split(","))
    for line in lines:
        is_payment = line.kind is LineKind.PAYMENT
        amount = yuan(line.amount_fen if is_payment else -line.amount_fen)
        at = f"{line.occurred_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
        values = {
            "支付宝交易号": (line.channel_no or "") + "\t",
            "商户订单号": (line.number if is_payment else f"PAID{line.number}") + "\t",
            "业务类型": "交易" if is_payment else "退款",
            "创建时间": at,
            "完成时间": at,
            "订单金额（元）": amount,
            "商家实收（元）": amount,
            "退款批次号/请求号": "" if is_payment else line.number,
            "服务费（元）": yuan(-(line.fee_fen or 0) if is_payment else line.fee_fen or 0),
        }
        writer.writerow([values.get(name, "0.00" if "元）" in name else "") for name in ALIPAY_HEADER.split(",")])
    out.write("#-----------------------------------------业务明细列表结束------------------------------------\n")
    for name, kind, sign in (("交易", LineKind.PAYMENT, 1), ("退款", LineKind.REFUND, -1)):
        chosen = [line.amount_fen for line in lines if line.kind is kind]
        back = "退款" if name == "退款" else ""
        out.write(
            f"#{name}合计：{len(chosen)}笔，商家实收{back}共{yuan(sign * sum(chosen))}元，商家优惠{back}共0.00元\n"
        )
    out.write("#导出时间：[2026年11月26日 09:12:34]\n")
    return Bill(BillKind.TRADES, day, out.getvalue().encode("gbk"))
