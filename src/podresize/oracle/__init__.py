"""The specification made executable: pure functions, no files, no sockets, no clock."""
