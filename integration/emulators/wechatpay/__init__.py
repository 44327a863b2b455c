"""WeChat Pay as a sandbox has it: API v3 with its signatures, encrypted notifications and daily bills."""
