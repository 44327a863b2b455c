"""
EmulatorError
├── ControlRefused          what a control call asks for cannot be meant
└── ControlNotAuthenticated a control call without the token
"""


class EmulatorError(Exception):
    """An emulator was not asked as it can be asked."""


class ControlRefused(EmulatorError):
    """A control call names something that is not there, or cannot be meant; the text says what."""


class ControlNotAuthenticated(EmulatorError):
    """A control call came without the sandbox's token."""
