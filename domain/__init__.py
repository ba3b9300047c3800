"""The domain: what stock *is* here, and what a Product Service asks about it.

Pure by rule: attrs and the standard library, no I/O, no clock, no randomness, no logging set-up.
What changes from run to run is passed in.
"""
