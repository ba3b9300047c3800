"""The domain: stock and inventory records, and the rules about them.

It uses attrs and the standard library only, without I/O, clock, randomness or logging: times and
random numbers are passed in.
"""
