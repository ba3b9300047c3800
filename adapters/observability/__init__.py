"""What an integration tells monitoring: one table of metrics, and two ways out (R23).

`shelfport.otel` and `shelfport.prometheus` are the public names of the two; each needs the extra
of its name, and nothing of either is imported without it.
"""
