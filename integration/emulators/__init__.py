"""Foreign systems as a sandbox has them, payment channels first: a process each, with real cryptography.

They share the kernel and the wire codecs with the platform, nothing else; nothing of the platform imports them.
"""
