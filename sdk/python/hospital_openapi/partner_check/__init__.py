"""A partner's first week, tried out on the sandbox: `python -m hospital_openapi.partner_check`."""
