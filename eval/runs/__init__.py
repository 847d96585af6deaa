"""Records of runs: resume, compare, accept."""
