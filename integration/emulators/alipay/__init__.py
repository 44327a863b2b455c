"""Alipay's gateway as a sandbox meets it: real signatures, trades, refunds, notifications and bills."""
