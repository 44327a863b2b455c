"""Fiscal e-receipts: issued after the HIS has settled, written off with a refund, always as much as stays paid."""
