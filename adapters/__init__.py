"""Everything that touches the outside: the network, the clock, the disk, a framework, a person."""
