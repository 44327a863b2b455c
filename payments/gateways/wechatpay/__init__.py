"""WeChat Pay by API v3: one merchant's account, behind the port."""
