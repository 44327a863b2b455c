"""Wire syntax as pure functions: nothing here opens a socket, reads a clock or knows a patient."""
