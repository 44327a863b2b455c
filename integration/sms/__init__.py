"""Short messages by Tencent Cloud SMS: handed over one by one, and what became of them (docs/sms.md)."""
