"""What shelfport costs, beside bare aiohttp and beside what a team would assemble: `nox -s bench`.

`run` starts the service and one process for each row; `rows` says what is done and what the goals
are; `measuring` measures; `report` prints, writes and draws. Everything is a ratio of what was
measured side by side, in turns, in one run.
"""
