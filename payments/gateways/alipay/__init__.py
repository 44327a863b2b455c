"""Alipay: requests built by its SDK, sent and verified by ourselves."""
