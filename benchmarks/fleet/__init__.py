"""A fleet of hosts for a day, simulated in virtual time over the library's own layers.

`nox -s fleet` runs it; what it shows stands in docs/scale.md.
"""
