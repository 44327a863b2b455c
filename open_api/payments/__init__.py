"""Paying over the open API: orders, payments, refunds and bills for applications; notifications for the channels."""
