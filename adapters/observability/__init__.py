"""Log records, metrics and spans: a table of signals, a table of metrics, and their exporters.

`shelfport.otel` and `shelfport.prometheus` are the public names of the two exporters of metrics;
each needs the extra of its name, and is imported with it alone.
"""
