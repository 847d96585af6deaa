"""The parts of `scripts.measure_scale`: made-up documents, and what is measured of an index of them."""
