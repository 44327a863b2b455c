"""The hospital's mini-program at WeChat: who signs in, their number, and messages to them (docs/wechat.md)."""
