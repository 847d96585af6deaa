"""What a question asks, with the turns before it."""
