"""What each command's help says after its options: examples first, then what it prints."""

EXIT_CODES = """\
Exit codes:
  0    all was answered
  1    something was answered "no": a variant is unknown, its stock is
       unavailable, a record was not opened, a check failed, or a story was
       not as told
  2    bad use or bad settings
  70   a bug in shelfport
  74   the output could not be written
  130  interrupted
  141  whoever read the output left
"""

SHELFPORT = f"""\
Examples:
  shelfport demo --once
  shelfport check --base-url https://inventory.internal
  shelfport get ID --base-url https://inventory.internal
  shelfport get --help
  shelfport --install-completion

{EXIT_CODES}"""

GET = f"""\
Examples:
  shelfport get ID --base-url https://inventory.internal
  shelfport get ID ID ID --settings shelfport.toml
  shelfport get ID --json | jq '.stock[0].availableQuantity'
  shelfport get - < ids.txt

An ID is a UUID, such as c9bf9e57-1685-4c89-bafb-ff5af830be8a. With - as the
only ID they are read from standard input, one a line; blank lines and lines
that begin with # are left out.

--json prints {{"correlationId": ..., "stock": [...], "schema": 1}}; an entry has
variantId, known, reason, status, availableQuantity, updatedAt, asOf, freshness
and source, with null for what is not known. reason says why nothing is known,
such as TIMED_OUT or UNKNOWN_VARIANT.

{EXIT_CODES}"""

INIT = f"""\
A record that is there already is left as it is; that is exit code 0 as well.

Examples:
  shelfport init ID --quantity 20 --base-url https://inventory.internal
  shelfport init ID --quantity 0 --low-stock-threshold 5 --json
  shelfport init ID --idempotency-key 2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a

--json prints an object with variantId, outcome (CREATED, ALREADY_THERE or
FAILED), idempotencyKey, correlationId, itemId, status, availableQuantity,
updatedAt, error and schema (1), with null for what there is not. error has
type, message, retryable, reachedService (yes, no, unknown) and httpStatus.

{EXIT_CODES}"""

CHECK = f"""\
Examples:
  shelfport check
  shelfport check --base-url https://inventory.internal --deadline 5
  shelfport check --settings shelfport.toml --variant ID
  shelfport check --json | jq '.checks[] | select(.outcome == "FAILED")'

First comes every setting and where its value came from, secrets masked. Then
come the checks, in their order: settings, adapter, dns, tcp, read. What is
wrong comes with what to do about it; what could not be tried, with the reason.
Each check may take --deadline seconds. Nothing is changed at the service.

--json prints {{"correlationId": ..., "ok": ..., "settings": [...],
"checks": [...], "schema": 1}}. A setting has name, value, origin (DEFAULT, FILE,
ENVIRONMENT or COMMAND_LINE) and place; a check has name, outcome (OK, FAILED or
NOT_TRIED), detail, fix, because (the check that failed) and milliseconds, with
null for what there is not.

{EXIT_CODES}"""

SANDBOX = f"""\
It keeps inventory-service.yaml, opens records, and misbehaves on demand. It
asks nobody for credentials: leave it on this machine.

Examples:
  shelfport sandbox
  shelfport sandbox --port 0 --empty
  shelfport sandbox --store stock.sqlite
  shelfport sandbox --events redis://127.0.0.1:6379/0
  curl -X PUT http://127.0.0.1:8080/_sandbox/faults \\
       -H 'Content-Type: application/json' -d '{{"mode": "down"}}'

{EXIT_CODES}"""

EVENTS = f"""\
Examples:
  shelfport events listen --events redis://127.0.0.1:6379/0
  shelfport events replay --settings shelfport.toml
  shelfport events listen --help

{EXIT_CODES}"""

LISTEN = f"""\
Examples:
  shelfport events listen --events amqp://guest:guest@127.0.0.1:5672/
  shelfport events listen --settings shelfport.toml --json
  shelfport events listen --settings shelfport.toml --work

The bus is amqp(s)://, nats://, tls://, redis(s)://, or kafka(s)://. It may be
away at the start, and go and come. Without --work nothing is taken from
anybody: every listener hears everything. A bus's password is better kept in a
settings file, or in SHELFPORT_EVENTS_URL, than on a command line.

--json prints, of each event on one line, eventId, type, productVariantId,
status, timestamp and schema (1).

{EXIT_CODES}"""

REPLAY = f"""\
Examples:
  shelfport events replay --events nats://127.0.0.1:4222
  shelfport events replay --settings shelfport.toml --most 10

Each dead letter is printed with the reason for which it was one. Whoever
handles the work queue tries it again; what fails again is a dead letter again.

{EXIT_CODES}"""

DEMO = f"""\
Examples:
  shelfport demo
  shelfport demo --once

{EXIT_CODES}"""

COMPLETION = f"""\
Examples:
  shelfport --install-completion
  shelfport --install-completion --shell zsh
  shelfport --install-completion --shell bash --output shelfport.bash

Without --output the script goes where the shell looks for such scripts; bash
and zsh are told of it by a line in ~/.bashrc or ~/.zshrc. With --output only
that file is written.

{EXIT_CODES}"""
