"""Many doors to one index: the process that holds it serves the calls of others through a socket."""
